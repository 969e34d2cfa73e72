// Shows a theme as soon as it is picked. Without scripts its form leads back to
// the page.
const form = document.querySelector(".themes form");

form?.addEventListener("submit", async (event) => {
	event.preventDefault();
	const picked = event.submitter;
	if (picked.value === "") {
		delete document.documentElement.dataset.theme;
	} else {
		document.documentElement.dataset.theme = picked.value;
	}
	for (const button of form.querySelectorAll("button")) {
		button.ariaPressed = String(button === picked);
	}
	try {
		await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form, picked)), redirect: "manual" });
	} catch {
		// The page has it; the next one has what was picked before.
	}
});

document.addEventListener("keydown", (event) => {
	const open = form?.parentElement;
	if (event.key === "Escape" && open?.open && open.contains(event.target)) {
		open.open = false;
		open.querySelector("summary").focus();
	}
});
document.addEventListener("click", (event) => {
	if (form && !form.parentElement.contains(event.target)) {
		form.parentElement.open = false;
	}
});
