// Before a form is sent, asks whether the server is there and lets us in. If not,
// the page says so where it is: what was typed stays, and can be sent again. What
// a form with data-guard saves goes through fetch, so that a failure while it is
// saved is said there too.
const alive = "/dashboard/alive";
const patience = 15000; // milliseconds

const texts = {
	gone: "The server does not answer. Nothing was sent, and what you typed is still here.",
	lost: "The server did not answer in time. What you typed is still here; it may or may not have been saved.",
	failed: "The server could not save this. What you typed is still here.",
};

const through = new WeakSet(); // forms that are on their way
const busy = new WeakSet();

function clear(form) {
	document.getElementById(form.dataset.trouble ?? "")?.remove();
}

// trouble shows what went wrong beside the button, with a way to try again.
function trouble(form, submitter, text, link) {
	clear(form);
	form.dataset.trouble = "trouble";
	document.getElementById("trouble")?.remove();
	const box = document.createElement("div");
	box.className = "alert alert-d trouble";
	box.id = "trouble";
	box.setAttribute("role", "alert");
	const said = document.createElement("p");
	said.textContent = text;
	const again = document.createElement("button");
	again.type = "button";
	again.className = "btn";
	again.textContent = "Try again";
	again.addEventListener("click", () => {
		form.requestSubmit(submitter?.isConnected ? submitter : undefined);
	});
	box.append(said, again);
	if (link) {
		said.append(" ", link);
	}
	const bar = form.querySelector(".save");
	if (bar) {
		bar.prepend(box);
	} else {
		form.before(box);
	}
	again.focus();
	form.dispatchEvent(new Event("kept"));
}

function signIn() {
	const link = document.createElement("a");
	link.href = "/dashboard/login";
	link.target = "_blank";
	link.textContent = "Sign in in another tab";
	return link;
}

// ask reports whether the form can be sent.
async function ask(form, submitter) {
	try {
		const answer = await fetch(alive, { cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(patience) });
		if (answer.status === 204) {
			return true;
		}
		if (answer.type === "opaqueredirect") {
			trouble(form, submitter, "You were signed out meanwhile. What you typed is still here:", signIn());
		} else {
			trouble(form, submitter, texts.failed);
		}
	} catch {
		trouble(form, submitter, texts.gone);
	}
	return false;
}

// native sends the form as browsers do.
function native(form, submitter) {
	through.add(form);
	form.requestSubmit(submitter);
}

function saves(submitter) {
	return !submitter || submitter.id === "save" || submitter.name === "action" && submitter.value === "save";
}

async function save(form, submitter) {
	const body = new URLSearchParams(new FormData(form, submitter));
	let answer;
	try {
		// Not form.action: a button of that name hides it.
		answer = await fetch(form.getAttribute("action") ?? location.href, { method: "POST", body, signal: AbortSignal.timeout(patience) });
	} catch {
		trouble(form, submitter, texts.lost);
		return;
	}
	if (answer.status >= 500) {
		trouble(form, submitter, texts.failed);
	} else if (answer.redirected) {
		location.assign(answer.url);
	} else {
		// Nothing was changed: the browser shows the page that says why.
		native(form, submitter);
	}
}

document.addEventListener("submit", async (event) => {
	const form = event.target;
	const submitter = event.submitter ?? undefined;
	if (event.defaultPrevented || form.getAttribute("method") !== "post" || !form.closest("main.main") || submitter?.formTarget) {
		return;
	}
	if (through.delete(form)) {
		return;
	}
	event.preventDefault();
	if (busy.has(form)) {
		return;
	}
	busy.add(form);
	try {
		clear(form);
		if (!await ask(form, submitter)) {
			return;
		}
		if ("guard" in form.dataset && saves(submitter)) {
			await save(form, submitter);
		} else {
			native(form, submitter);
		}
	} finally {
		busy.delete(form);
	}
});
