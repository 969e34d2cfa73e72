// What every page has: forms that lose nothing, a palette, keys, and buttons that
// copy what stands beside them.
import "./guard.js";
import "./submit.js";
import "./palette.js";
import "./keys.js";

function reveal() {
	for (const button of document.querySelectorAll("[data-copy]")) {
		button.hidden = false;
	}
}

reveal();
document.addEventListener("swapped", reveal); // a part of the page is new
document.addEventListener("click", async (event) => {
	const button = event.target.closest("[data-copy]");
	if (!button) {
		return;
	}
	const label = button.textContent;
	try {
		await navigator.clipboard.writeText(button.dataset.copy);
		button.textContent = "Copied";
	} catch {
		button.textContent = "Select it and copy";
	}
	setTimeout(() => {
		button.textContent = label;
	}, 2000);
});
