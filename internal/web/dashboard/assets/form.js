// Shows the message while it is typed. While what is typed is broken, the last
// message stays, dimmed, and what is wrong is said beside it.
const form = document.querySelector("form[data-guard]");
const button = document.getElementById("preview");

if (form && button) {
	const problem = document.getElementById("preview-problem");
	let timer = 0;
	let newest = 0;
	const preview = async () => {
		clearTimeout(timer);
		const mine = ++newest;
		let wrong;
		try {
			const answer = await fetch(button.formAction, { method: "POST", body: new URLSearchParams(new FormData(form)) });
			const page = new DOMParser().parseFromString(await answer.text(), "text/html");
			wrong = page.querySelector("[role=alert]")?.textContent ?? "";
		} catch {
			return; // that the server is gone is said when the form is sent
		}
		if (mine !== newest) {
			return;
		}
		problem.textContent = wrong;
		const old = document.querySelector("iframe[name=preview]");
		old.classList.toggle("past", wrong !== "");
		if (wrong) {
			return;
		}
		// A frame that is new has no past: the button that goes back does not
		// step through every preview.
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
	// Who goes back finds what was typed in the fields; the frame begins anew.
	addEventListener("pageshow", () => {
		if (performance.getEntriesByType("navigation")[0]?.type === "back_forward") {
			preview();
		}
	});
}
