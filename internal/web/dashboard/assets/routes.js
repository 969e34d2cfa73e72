// Auth0's documents link to pages behind a fragment, which only the browser
// sees. Those that there are lead to ours, also by way of signing in.
const pages = [
	[/^#\/(?:connections|authentication)\/passwordless\b/, "/dashboard/connections/passwordless"],
	[/^#\/(?:tenant\/(?:admins|members)|account\/admins)\b/, "/dashboard/administrators"],
	[/^#\/applications\b/, "/dashboard/applications"],
	[/^#\/(?:apis|resource-servers)\b/, "/dashboard/apis"],
	[/^#\/users\b/, "/dashboard/users"],
	[/^#\/logs\b/, "/dashboard/logs"],
	[/^#\/tenant\b/, "/dashboard/settings"],
];

function go() {
	const found = pages.find(([route]) => route.test(location.hash));
	if (!found) {
		return;
	}
	const forms = document.querySelectorAll("form[data-next] input[name=next]");
	if (forms.length === 0) {
		location.replace(found[1]);
	}
	for (const input of forms) {
		input.value = found[1];
	}
}

addEventListener("hashchange", go);
go();
