// Shows the message while it is typed.
const form = document.querySelector("form[data-guard]");
const button = document.getElementById("preview");

if (form && button) {
	let timer = 0;
	const preview = () => {
		// A frame that is new has no past: the button that goes back does not
		// step through every preview.
		const old = document.querySelector("iframe[name=preview]");
		const fresh = old.cloneNode();
		fresh.removeAttribute("src");
		old.replaceWith(fresh);
		form.requestSubmit(button);
	};
	document.addEventListener("input", (event) => {
		if (event.target.form !== form) {
			return;
		}
		clearTimeout(timer);
		timer = setTimeout(preview, 250);
	});
	button.hidden = true;
	if (form.dataset.guard === "unsaved") {
		preview();
	}
}
