// Says that something is not saved yet, and asks before it is lost. It is for
// every form with data-guard; Ctrl S saves.
// differs reports whether a field has something else than the page came with. A
// browser that goes back puts what was typed into the fields before any script
// runs, so what they have then says nothing.
function differs(field) {
	if (field.type === "checkbox" || field.type === "radio") {
		return field.checked !== field.defaultChecked;
	}
	if (field.options) {
		const marked = [...field.options].findIndex((option) => option.defaultSelected);
		return field.selectedIndex !== Math.max(0, marked);
	}
	return field.value !== (field.defaultValue ?? field.value);
}

function typed(form) {
	return [...form.elements].some((field) => field.name && !field.name.startsWith("preview_") && differs(field));
}

function guard(form) {
	const save = form.querySelector("#save") ?? form.querySelector("button:not([type=button])");
	if (!save || save.disabled) {
		return;
	}
	// A page that shows what could not be saved is one with changes from the start.
	const refused = form.dataset.guard === "unsaved" || document.querySelector("main > .alert-d") !== null;
	const status = form.querySelector("[data-changed]");
	let leaving = false;

	const changed = () => refused || typed(form);
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
	// A page that the browser shows again is guarded again.
	addEventListener("pageshow", () => {
		leaving = false;
		tell();
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
