// Keys that spare the mouse. Those of one letter do nothing in a field or a
// dialog, and can be switched off, since speech input may press them by mistake
// (WCAG 2.1.4).
import { open } from "./palette.js";

const dialog = document.getElementById("keys");
const off = "doorcode-keys-off";
const pages = {
	h: "/dashboard", u: "/dashboard/users", a: "/dashboard/applications", p: "/dashboard/connections/passwordless",
	m: "/dashboard/messages", l: "/dashboard/logs", s: "/dashboard/settings",
};
const second = 1500; // milliseconds in which a second key may follow
let first = 0; // when "g" was pressed

// A browser that keeps nothing has them on.
function isOff() {
	try {
		return localStorage.getItem(off) !== null;
	} catch {
		return false;
	}
}

function set(on) {
	try {
		if (on) {
			localStorage.removeItem(off);
		} else {
			localStorage.setItem(off, "1");
		}
	} catch {
		// Nothing is kept: they are as before on the next page.
	}
}

function show() {
	if (!document.querySelector("dialog[open]")) {
		document.getElementById("keys-on").checked = !isOff();
		dialog.showModal();
	}
}

function typing(target) {
	return target.closest("input, textarea, select, [contenteditable], dialog") !== null;
}

function press(event) {
	if (event.key === "g") {
		first = Date.now();
		return;
	}
	const after = Date.now() - first < second;
	first = 0;
	if (after && Object.hasOwn(pages, event.key)) {
		location.assign(pages[event.key]);
	} else if (event.key === "?") {
		show();
	} else if (event.key === "/") {
		const search = document.querySelector("main input[type=search]");
		event.preventDefault();
		if (search) {
			search.focus();
			search.select();
		} else {
			open();
		}
	}
}

if (dialog) {
	document.addEventListener("keydown", (event) => {
		if (!event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing && !event.defaultPrevented &&
			!typing(event.target) && !isOff()) {
			press(event);
		}
	});
	document.getElementById("keys-on").addEventListener("change", (event) => set(event.target.checked));
	dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
	for (const opener of document.querySelectorAll("[data-keys]")) {
		opener.hidden = false;
		opener.addEventListener("click", show);
	}
}
