// What every page has: forms that lose nothing, a palette, keys, buttons that copy
// what stands beside them, and tabs in sight.
import "./guard.js";
import "./submit.js";
import "./palette.js";
import "./keys.js";
import "./theme.js";

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
	const label = button.dataset.label ??= button.textContent;
	let text = "Copied";
	try {
		await navigator.clipboard.writeText(button.dataset.copy);
	} catch {
		text = "Select it and copy";
	}
	// Beside an open dialog nothing is announced: it has a place of its own.
	const said = button.closest("dialog")?.querySelector("[data-copied]") ?? document.getElementById("copied");
	button.textContent = text;
	said.textContent = text;
	setTimeout(() => {
		button.textContent = label;
		said.textContent = "";
	}, 2000);
});

// Where the tabs are wider than the window, the one that is shown can be seen.
const tabs = document.querySelector(".tabs");
const tab = tabs?.querySelector("[aria-current=page]");
if (tab) {
	const [bar, box] = [tabs.getBoundingClientRect(), tab.getBoundingClientRect()];
	tabs.scrollLeft += Math.max(0, box.right - bar.right) || Math.min(0, box.left - bar.left);
}
