// Shows what becomes of a message until it is over, without a reload.
async function look() {
	const here = document.getElementById("live");
	const answer = await fetch(location.href);
	const page = new DOMParser().parseFromString(await answer.text(), "text/html");
	const fresh = page.getElementById("live");
	if (!answer.ok || fresh === null) {
		return; // signed out meanwhile: the link to look again says so
	}
	if (fresh.textContent !== here.textContent) {
		here.replaceChildren(...fresh.childNodes);
		document.dispatchEvent(new Event("swapped"));
	}
	if (!("over" in fresh.dataset)) {
		setTimeout(look, 1000);
	}
}

setTimeout(look, 500);
