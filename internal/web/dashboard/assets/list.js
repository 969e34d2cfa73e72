// Shows what a search finds while it is typed. The address holds the search, so
// that it can be kept, and the way back leads to the one before.
const form = document.querySelector("form[data-live]");
const pause = 150;
let timer = 0;
let typing = false; // the newest entry of the history is what is being typed
let asked = null;
let listed = list(location.href); // the address of what is listed

function address() {
	const url = new URL(form.action);
	for (const [name, value] of new FormData(form)) {
		if (value !== "") {
			url.searchParams.append(name, value);
		}
	}
	return url;
}

// list is the address of a list without what is open beside it.
function list(address) {
	const url = new URL(address);
	url.searchParams.delete("open");
	url.hash = "";
	return url.href;
}

async function swap(url) {
	asked?.abort();
	listed = list(url);
	asked = new AbortController();
	const { signal } = asked;
	try {
		const answer = await fetch(url, { signal });
		if (answer.redirected) {
			location.assign(answer.url); // to one person, or to sign in
			return;
		}
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");
		const fresh = page.getElementById("results");
		if (signal.aborted) {
			return;
		}
		if (fresh === null) {
			throw new Error("no list");
		}
		for (const old of document.querySelectorAll("main > .alert")) {
			old.remove();
		}
		const wrong = page.querySelector("main > .alert-d");
		if (wrong !== null) {
			form.before(wrong);
		}
		document.getElementById("results").replaceChildren(...fresh.childNodes);
		document.getElementById("count").textContent = page.getElementById("count").textContent;
		document.title = page.title;
		document.dispatchEvent(new Event("swapped"));
	} catch (err) {
		if (err.name !== "AbortError") {
			document.getElementById("count").textContent = "The server could not answer. What is listed is from before; press Enter to try again.";
		}
	}
}

function later() {
	clearTimeout(timer);
	timer = setTimeout(() => {
		const url = address();
		if (url.href === location.href) {
			return;
		}
		if (typing) {
			history.replaceState(null, "", url);
		} else {
			history.pushState(null, "", url);
			typing = true;
		}
		swap(url);
	}, pause);
}

if (form) {
	form.addEventListener("input", later);
	form.addEventListener("focusout", () => {
		typing = false; // what is typed from now on is another search
	});
	addEventListener("popstate", () => {
		typing = false;
		if (list(location.href) === listed) {
			return;
		}
		const values = new URL(location.href).searchParams;
		for (const field of form.elements) {
			if (field.name !== "" && field.type !== "hidden") {
				field.value = values.get(field.name) ?? "";
			}
		}
		swap(new URL(location.href));
	});
}
