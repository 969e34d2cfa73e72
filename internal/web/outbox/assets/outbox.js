// Keeps the list of messages up to date: by events where they work, else by
// asking every two seconds. The server renders; this puts in what is new.
const list = document.getElementById("messages");
const notice = document.getElementById("notice");
const state = document.getElementById("state");
const said = document.getElementById("said");
const filter = document.getElementById("filter");
const every = 2000; // milliseconds from one answer to the next question
const pause = 150; // and from the last key to the search for what was typed
let events = null;
let polling = false;
let timer = 0;
let typing = 0;
let busy = null; // the refresh that is on its way
let again = false;

// show says how the page learns of messages, and what is wrong with that.
function show(pill, kind, text) {
	state.hidden = false;
	state.textContent = pill;
	state.className = `pill p-${kind}`;
	if (notice.textContent === text) {
		return;
	}
	notice.replaceChildren();
	if (text !== "") {
		const box = document.createElement("p");
		box.className = `alert alert-${kind}`;
		box.textContent = text;
		notice.append(box);
	}
}

function reveal(root) {
	for (const button of root.querySelectorAll("[data-copy][hidden]")) {
		button.hidden = false;
	}
}

// refresh fetches the list, once for however many ask while it is on its way,
// and returns what was added.
function refresh() {
	again = true;
	busy ??= (async () => {
		const added = [];
		try {
			while (again) {
				again = false;
				const asked = location.search;
				const answer = await fetch(`/outbox/list${asked}`, { cache: "no-store" });
				if (!answer.ok) {
					throw new Error(String(answer.status));
				}
				const page = new DOMParser().parseFromString(await answer.text(), "text/html");
				if (asked === location.search) {
					added.push(...apply(page.body));
				}
			}
		} finally {
			busy = null;
		}
		return added;
	})();
	return busy;
}

// apply adds what is new and takes away what is gone. What is there already
// stays untouched, so that an opened e-mail remains open and the focus where it
// is.
function apply(next) {
	reveal(next);
	const wanted = new Map([...next.children].map((e) => [e.id, e]));
	for (const old of [...list.children]) {
		const same = wanted.get(old.id);
		if (!same || old.tagName !== "ARTICLE" && !old.isEqualNode(same)) {
			old.remove();
		}
	}
	const added = [];
	let before = list.firstElementChild;
	for (const [id, element] of wanted) {
		if (before?.id === id) {
			before = before.nextElementSibling;
		} else {
			list.insertBefore(element, before);
			added.push(element);
		}
	}
	return added.filter((e) => e.tagName === "ARTICLE");
}

// news brings in what has come, and says so to who does not see it.
async function news() {
	const added = await refresh();
	if (added.length > 0) {
		said.textContent = added.length === 1 ? added[0].querySelector("h2").textContent : `${added.length} new messages`;
	}
}

async function poll() {
	try {
		await news();
		if (events.readyState === EventSource.OPEN) {
			live();
			return;
		}
		show("Not live", "w", "The stream of messages broke. The page reconnects, and looks every two seconds until then.");
	} catch {
		show("Not connected", "d", "The server does not answer. The page reconnects as soon as it is there again.");
	}
	if (polling) {
		timer = setTimeout(poll, every);
	}
}

function lost() {
	if (!polling) {
		polling = true;
		show("Not live", "w", "The stream of messages broke. The page reconnects.");
		poll();
	}
}

function live() {
	const back = polling;
	polling = false;
	clearTimeout(timer);
	show("Live", "s", back ? "Connected again." : "");
	if (back) {
		timer = setTimeout(() => show("Live", "s", ""), 5000);
	}
	news().catch(lost);
}

function connect() {
	events = new EventSource("/outbox/events");
	events.addEventListener("open", live);
	events.addEventListener("message", () => news().catch(lost));
	events.addEventListener("clear", () => news().catch(lost));
	events.addEventListener("next", (event) => {
		document.getElementById("fault").value = JSON.parse(event.data).fault;
		news().catch(lost);
	});
	events.addEventListener("error", () => {
		// Browsers go on by themselves after a broken stream, and not after a
		// refused one.
		if (events.readyState === EventSource.CLOSED) {
			setTimeout(connect, every);
		}
		lost();
	});
}

// The address holds the filter, so that it can be kept.
filter.addEventListener("input", () => {
	clearTimeout(typing);
	typing = setTimeout(async () => {
		const url = new URL("/outbox", location.href);
		for (const [name, value] of new FormData(filter)) {
			if (value !== "") {
				url.searchParams.set(name, value);
			}
		}
		history.replaceState(null, "", url);
		try {
			await refresh();
			said.textContent = `Messages: ${list.querySelectorAll("article").length}`;
		} catch {
			lost();
		}
	}, pause);
});

document.getElementById("next-form").addEventListener("submit", async (event) => {
	event.preventDefault();
	const fault = new FormData(event.target).get("fault");
	try {
		const answer = await fetch("/outbox/api/next", { method: "PUT", body: JSON.stringify({ fault }), headers: { "Content-Type": "application/json" } });
		if (!answer.ok) {
			throw new Error(String(answer.status));
		}
		await refresh();
		said.textContent = list.querySelector("#next")?.textContent ?? "The next message arrives as usual.";
	} catch {
		lost();
	}
});

document.getElementById("clear").addEventListener("submit", async (event) => {
	event.preventDefault();
	try {
		await fetch("/outbox/api/messages", { method: "DELETE" });
		await refresh();
		said.textContent = "Cleared";
	} catch {
		lost();
	}
});

document.addEventListener("click", async (event) => {
	const button = event.target.closest("[data-copy]");
	if (!button) {
		return;
	}
	const label = button.dataset.label ??= button.textContent;
	let text = "Copied";
	try {
		await navigator.clipboard.writeText(button.dataset.copy);
	} catch {
		// Not allowed, or not on a page without https from elsewhere.
		text = "Select it and copy";
		getSelection().selectAllChildren(button.closest("article")?.querySelector(".big") ?? button.previousElementSibling);
	}
	button.textContent = text;
	said.textContent = text;
	setTimeout(() => {
		button.textContent = label;
		said.textContent = "";
	}, 2000);
});

reveal(document);
document.getElementById("reload").hidden = true;
connect();
