// Says that something is not saved yet, and asks before it is lost. It is for
// every form with data-guard; Ctrl S saves.
function state(form) {
	return JSON.stringify([...new FormData(form)].filter(([name]) => !name.startsWith("preview_")));
}

function guard(form) {
	const save = form.querySelector("#save") ?? form.querySelector("button:not([type=button])");
	if (!save || save.disabled) {
		return;
	}
	const first = state(form);
	// A page that shows what could not be saved is one with changes from the start.
	const refused = form.dataset.guard === "unsaved" || document.querySelector("main > .alert-d") !== null;
	const status = form.querySelector("[data-changed]");
	let leaving = false;

	const changed = () => refused || state(form) !== first;
	const tell = () => {
		const text = changed() ? "Not saved yet" : "";
		if (status && status.textContent !== text) {
			status.textContent = text;
		}
	};
	document.addEventListener("input", tell);
	form.addEventListener("submit", (event) => {
		if (!event.submitter?.formTarget) {
			leaving = true;
		}
	});
	// It was not sent after all: see submit.js.
	form.addEventListener("kept", () => {
		leaving = false;
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
		if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s") {
			event.preventDefault();
			form.requestSubmit(save);
		}
	});
	for (const link of form.querySelectorAll("a[data-discard]")) {
		link.addEventListener("click", () => {
			leaving = true;
		});
	}
	tell();
}

for (const form of document.querySelectorAll("form[data-guard]")) {
	guard(form);
}
