// The palette: Ctrl K finds pages, settings, applications, APIs, people and
// messages. Without scripts its link leads to a page that finds the same.
const dialog = document.getElementById("palette");
const input = document.getElementById("palette-q");
const list = document.getElementById("palette-found");
const said = document.getElementById("palette-said");
const pause = 80; // milliseconds
let timer = 0;
let asked = null;
let at = -1;

function choose(n) {
	const options = list.children;
	options[at]?.setAttribute("aria-selected", "false");
	at = options.length === 0 ? -1 : (n + options.length) % options.length;
	if (at < 0) {
		input.removeAttribute("aria-activedescendant");
		return;
	}
	options[at].setAttribute("aria-selected", "true");
	options[at].scrollIntoView({ block: "nearest" });
	input.setAttribute("aria-activedescendant", options[at].id);
}

function show(items) {
	list.replaceChildren(...items.map((item, i) => {
		const option = document.createElement("li");
		option.id = `palette-${i}`;
		option.setAttribute("role", "option");
		option.setAttribute("aria-selected", "false");
		option.dataset.address = item.address;
		const name = document.createElement("bdi");
		name.textContent = item.name;
		const what = document.createElement("span");
		what.className = "hint";
		what.textContent = item.what;
		option.append(name, what);
		return option;
	}));
	input.setAttribute("aria-expanded", String(items.length > 0));
	choose(0);
	const text = items.length === 0 ? "Nothing was found" : items.length === 1 ? "1 found" : `${items.length} found`;
	if (said.textContent !== text) {
		said.textContent = text;
	}
}

async function find() {
	asked?.abort();
	asked = new AbortController();
	try {
		const url = "/dashboard/search?q=" + encodeURIComponent(input.value);
		const answer = await fetch(url, { headers: { Accept: "application/json" }, signal: asked.signal });
		if (answer.redirected) {
			said.textContent = "You were signed out. Load the page again to sign in.";
			return;
		}
		if (!answer.ok) {
			throw new Error(String(answer.status));
		}
		show((await answer.json()).items);
	} catch (err) {
		if (err.name !== "AbortError") {
			list.replaceChildren();
			choose(0);
			said.textContent = "The server does not answer.";
		}
	}
}

function go(option) {
	if (option) {
		dialog.close();
		location.assign(option.dataset.address);
	}
}

export function open() {
	if (!dialog || document.querySelector("dialog[open]")) {
		return;
	}
	dialog.showModal();
	input.select();
	find();
}

if (dialog) {
	document.addEventListener("keydown", (event) => {
		if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
			event.preventDefault();
			open();
		}
	});
	for (const opener of document.querySelectorAll("[data-palette]")) {
		opener.addEventListener("click", (event) => {
			if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
				event.preventDefault();
				open();
			}
		});
	}
	input.addEventListener("input", () => {
		clearTimeout(timer);
		timer = setTimeout(find, pause);
	});
	input.addEventListener("keydown", (event) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (step) {
			event.preventDefault();
			choose(at + step);
		} else if (event.key === "Enter" && !event.isComposing) {
			event.preventDefault();
			go(list.children[at]);
		}
	});
	list.addEventListener("click", (event) => go(event.target.closest("[role=option]")));
	dialog.addEventListener("click", (event) => {
		if (event.target === dialog) {
			dialog.close(); // beside it
		}
	});
}
