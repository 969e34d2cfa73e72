// Asks the server over and over for a part of a page. Where it does not answer,
// that is said, and it is asked on, less often; where it no longer knows who
// asks, that is said, and it ends.
const patience = 15000; // milliseconds that an answer may take
const longest = 5000; // milliseconds from one question to the next

async function ask(address) {
	const answer = await fetch(address, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(patience) });
	if (answer.type === "opaqueredirect") {
		return null; // to sign in
	}
	if (!answer.ok) {
		throw new Error(String(answer.status));
	}
	return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// poll asks for what address() names, unless that is null, as long as take(page)
// wants to see more. Of how it goes, tell is told "live", "lost" or "out".
export function poll({ every, address, take, tell }) {
	let wait = every;
	async function look() {
		const url = document.hidden ? null : address();
		if (url !== null) {
			let page;
			try {
				page = await ask(url);
				tell(page === null ? "out" : "live");
				wait = every;
			} catch {
				tell("lost");
				wait = Math.min(2 * wait, longest);
			}
			if (page === null || page && !take(page)) {
				return;
			}
		}
		setTimeout(look, wait);
	}
	look();
}
