// Guards a form: says that something is not saved yet, asks before it is lost,
// keeps what was typed when the server does not answer, and, where the page has
// a preview, shows the message while it is typed.
const form = document.querySelector("form[data-guard]");
const save = document.getElementById("save");

if (form && save) {
	const state = () => JSON.stringify([...new FormData(form)].filter(([name]) => !name.startsWith("preview_")));
	const first = state();
	// A page that shows what could not be saved is one with changes from the start.
	const refused = document.querySelector(".alert-d") !== null;
	const status = document.getElementById("changed");
	const update = document.getElementById("preview");
	let leaving = false;

	const changed = () => refused || state() !== first;
	const tell = () => {
		const text = changed() ? "Not saved yet" : "";
		if (status.textContent !== text) {
			status.textContent = text;
		}
	};

	let timer = 0;
	const preview = () => {
		// A frame that is new has no past: the button that goes back does not
		// step through every preview.
		const old = document.querySelector("iframe[name=preview]");
		const fresh = old.cloneNode();
		fresh.removeAttribute("src");
		old.replaceWith(fresh);
		form.requestSubmit(update);
	};
	document.addEventListener("input", () => {
		tell();
		if (update) {
			clearTimeout(timer);
			timer = setTimeout(preview, 250);
		}
	});

	// trouble says in place that nothing came of a save, and offers another try.
	const trouble = (text) => {
		document.getElementById("unsaved")?.remove();
		const box = document.createElement("div");
		box.id = "unsaved";
		box.className = "alert alert-d";
		box.setAttribute("role", "alert");
		const words = document.createElement("p");
		words.textContent = text;
		const again = document.createElement("button");
		again.type = "button";
		again.className = "btn";
		again.textContent = "Try again";
		again.addEventListener("click", () => form.requestSubmit(save));
		box.append(words, again);
		form.prepend(box);
		box.scrollIntoView({block: "center"});
		again.focus({preventScroll: true});
	};

	// ready reports whether the server can take a save. The page that the form is
	// on needs both the server and its database, as the save does.
	const ready = async () => {
		const answer = await fetch(location.href, {cache: "no-store", signal: AbortSignal.timeout(10000)});
		if (answer.redirected && new URL(answer.url).pathname.startsWith("/dashboard/login")) {
			throw new Error("You are not signed in any more. Sign in again in another tab, then come back and try again.");
		}
		if (answer.status >= 500) {
			throw new Error("The server cannot save just now. Nothing was changed, and what you typed is still here.");
		}
	};
	let asked = false;
	form.addEventListener("submit", async (event) => {
		if (event.submitter === update && update) {
			return;
		}
		if (leaving) {
			return;
		}
		event.preventDefault();
		if (asked) {
			return;
		}
		asked = true;
		try {
			await ready();
			document.getElementById("unsaved")?.remove();
			leaving = true;
			form.requestSubmit(event.submitter);
		} catch (error) {
			// fetch throws a TypeError when nobody answers, and a DOMException
			// when nobody does in time.
			const own = !(error instanceof TypeError || error instanceof DOMException);
			trouble(own ? error.message : "The server does not answer. Nothing was changed, and what you typed is still here.");
		} finally {
			asked = false;
		}
	});
	// A page that the browser kept and shows again is guarded again.
	addEventListener("pageshow", () => {
		leaving = false;
	});
	addEventListener("beforeunload", (event) => {
		if (!leaving && changed()) {
			event.preventDefault();
		}
	});
	document.addEventListener("keydown", (event) => {
		if ((event.ctrlKey || event.metaKey) && event.key === "s") {
			event.preventDefault();
			form.requestSubmit(save);
		}
	});
	for (const link of document.querySelectorAll(".save a")) {
		link.addEventListener("click", () => {
			leaving = true;
		});
	}
	if (update) {
		update.hidden = true;
	}
	tell();
}
