// Shows what becomes of a message, or that the first sign-in was made, without a
// reload: until the page says that nothing more will come of itself.
import { poll } from "./poll.js";

const here = document.getElementById("live");
const state = document.getElementById("live-state");
const said = document.getElementById("live-said");
const texts = {
	live: "",
	lost: "Not connected. Trying again.",
	out: "You were signed out. Load the page again to sign in.",
};

// The same link, button or fold of the page before and after.
const same = (element) => element.tagName + element.textContent;

// swap shows what is new. The keyboard stays where it is, and what is unfolded
// stays so.
function swap(fresh) {
	const at = here.contains(document.activeElement) ? same(document.activeElement) : "";
	const open = new Set([...here.querySelectorAll("details[open] > summary")].map(same));
	here.dataset.step = fresh.dataset.step;
	here.replaceChildren(...fresh.childNodes);
	for (const summary of here.querySelectorAll("summary")) {
		summary.parentElement.open ||= open.has(same(summary));
	}
	if (at !== "") {
		here.tabIndex = -1;
		([...here.querySelectorAll("a, button, summary, pre")].find((element) => same(element) === at) ?? here).focus({ preventScroll: true });
	}
	document.dispatchEvent(new Event("swapped"));
}

poll({
	every: 1000,
	address: () => new URL(here.dataset.poll, location.href),
	take(page) {
		const fresh = page.getElementById("live");
		if (fresh === null) {
			return true;
		}
		if (fresh.dataset.step !== here.dataset.step) {
			swap(fresh);
			said.textContent = fresh.dataset.said;
		}
		return !("over" in fresh.dataset);
	},
	tell(how) {
		if (state.textContent !== texts[how]) {
			state.textContent = texts[how];
		}
	},
});
