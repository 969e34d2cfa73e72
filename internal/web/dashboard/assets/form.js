// Says that something is not saved yet, and shows the message while it is typed.
const form = document.querySelector("form[data-guard]");
const save = document.getElementById("save");

if (form && save) {
	const state = () => JSON.stringify([...new FormData(form)].filter(([name]) => !name.startsWith("preview_")));
	const first = state();
	// A page that shows what could not be saved is one with changes from the start.
	const refused = document.querySelector(".alert-d") !== null;
	const status = document.getElementById("changed");
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
		form.requestSubmit(document.getElementById("preview"));
	};
	const later = () => {
		tell();
		clearTimeout(timer);
		timer = setTimeout(preview, 250);
	};
	document.addEventListener("input", later);
	form.addEventListener("submit", (event) => {
		leaving = event.submitter?.id !== "preview";
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
	document.getElementById("preview").hidden = true;
	tell();
}
