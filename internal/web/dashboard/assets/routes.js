// Auth0's documents link to pages behind a fragment, which only the browser
// sees. Those that there are lead to ours, also by way of signing in.
const pages = [
	[/^#\/(?:connections|authentication)\/passwordless\b/, () => "/dashboard/connections/passwordless"],
	[/^#\/(?:tenant\/(?:admins|members)|account\/admins)\b/, () => "/dashboard/administrators"],
	[/^#\/applications\/([\w-]+)(?:\/(settings|quickstart|connections)\b)?/, (id, tab = "settings") => `/dashboard/applications/${id}/${tab}`],
	[/^#\/applications\b/, () => "/dashboard/applications"],
	[/^#\/(?:apis|resource-servers)\b/, () => "/dashboard/apis"],
	[/^#\/users\/([^/?]+)/, (id) => `/dashboard/users/${encodeURIComponent(user(id))}`],
	[/^#\/users\b/, () => "/dashboard/users"],
	[/^#\/logs\b/, () => "/dashboard/logs"],
	[/^#\/tenant\b/, () => "/dashboard/settings"],
];

// user is an id as it is, which Auth0's addresses have in base64.
function user(text) {
	try {
		const id = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
		if (/^[\x21-\x7e]+\|[\x21-\x7e]+$/.test(id)) {
			return id;
		}
	} catch {
		// it is none
	}
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

function go() {
	let to = "";
	for (const [route, address] of pages) {
		const found = route.exec(location.hash);
		if (found) {
			to = address(...found.slice(1));
			break;
		}
	}
	if (to === "") {
		return;
	}
	const forms = document.querySelectorAll("form[data-next] input[name=next]");
	if (forms.length === 0) {
		location.replace(to);
	}
	for (const input of forms) {
		input.value = to;
	}
}

addEventListener("hashchange", go);
go();
