// Opens a message beside the list that it is in. The address says which, so that
// it can be kept; the way back, Esc and Close lead to the list again.
import "./list.js";

const place = document.getElementById("drawer");
let own = false; // the newest entry of the history is the drawer that was opened here

function without(address) {
	const url = new URL(address, location.href);
	url.searchParams.delete("open");
	url.hash = "";
	return url;
}

function drawer() {
	return place.querySelector("dialog");
}

function show() {
	const dialog = drawer();
	dialog.removeAttribute("open"); // it was a part of the page; close() would be told to us later
	dialog.showModal();
	dialog.addEventListener("close", leave);
}

function hide() {
	const dialog = drawer();
	dialog?.removeEventListener("close", leave);
	dialog?.close();
	place.replaceChildren();
}

// leave is for a drawer that the person closed.
function leave() {
	place.replaceChildren();
	if (own) {
		history.back();
	} else {
		history.replaceState(null, "", without(location.href));
	}
	own = false;
}

// open reports whether there is such a drawer.
async function open(address) {
	const answer = await fetch(address);
	const page = new DOMParser().parseFromString(await answer.text(), "text/html");
	const fresh = page.querySelector("#drawer > dialog");
	if (!answer.ok || fresh === null) {
		return false;
	}
	hide();
	place.append(fresh);
	document.dispatchEvent(new Event("swapped"));
	show();
	return true;
}

document.addEventListener("click", async (event) => {
	if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) {
		return;
	}
	if (event.target.closest("[data-close-drawer]")) {
		event.preventDefault();
		drawer().close();
		return;
	}
	if (event.target === drawer()) {
		drawer().close(); // beside it
		return;
	}
	const link = event.target.closest("a[data-open]");
	if (link === null) {
		return;
	}
	event.preventDefault();
	const address = new URL(link.href);
	address.hash = "";
	try {
		if (await open(address)) {
			history.pushState(null, "", address);
			own = true;
			return;
		}
	} catch {
		// the browser says what is wrong
	}
	location.assign(link.href);
});

addEventListener("popstate", () => {
	own = false;
	if (new URL(location.href).searchParams.has("open")) {
		open(location.href).catch(() => location.reload());
	} else {
		hide();
	}
});

if (drawer()) {
	show();
}
