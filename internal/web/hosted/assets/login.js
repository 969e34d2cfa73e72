// Makes the login pages quicker to use. All of them work without it.
const field = document.querySelector("[autocomplete=one-time-code]");
const number = document.getElementById("username");
const country = document.getElementById("country");

// Each form is sent once, however often its button is pressed, until its answer
// is there or does not come. Going back to the page frees it.
const patience = 10_000; // milliseconds
const free = (form) => delete form.dataset.sent;

document.addEventListener("submit", (event) => {
	const form = event.target;
	if ("sent" in form.dataset) {
		event.preventDefault();
		return;
	}
	form.dataset.sent = "";
	setTimeout(free, patience, form);
});
window.addEventListener("pageshow", () => Array.from(document.forms).forEach(free));

const isDigit = (code) => /\p{Nd}/u.test(String.fromCodePoint(code));

// digit is the value of a digit of any script: each has ten in a row.
function digit(character) {
	const code = character.codePointAt(0);
	let before = 0;
	while (isDigit(code - before - 1)) {
		before++;
	}
	return String(before % 10);
}

const plain = (text) => text.normalize("NFKC").replace(/\p{Nd}/gu, digit);

// A code that comes whole, pasted or filled in, is sent at once. One that is
// typed is not: whoever has mistyped it would lose a try.
function sendWholeCodes() {
	const digits = Number(field.dataset.digits);

	// The server decides what the code in a text is. This tells when asking it
	// is worth while.
	function isCode(text) {
		text = plain(text);
		if (!/\p{L}/u.test(text)) {
			return text.replace(/\D/g, "").length === digits;
		}
		const found = (text.match(/\d(?:[ -]?\d)*/g) ?? []).map((run) => run.replace(/\D/g, ""));
		return new Set(found.filter((run) => run.length === digits)).size === 1;
	}

	// came is the text that one event has brought. An event that does not tell is
	// of a program that has set the value, or types it key by key.
	function came(event, before) {
		if (event.isComposing || /^(delete|history|insertFromComposition)/.test(event.inputType)) {
			return "";
		}
		const typed = field.value.length === before.length + 1 && field.value.startsWith(before);
		return event.data ?? (typed ? "" : field.value);
	}

	function send() {
		document.getElementById("checking").textContent = field.dataset.checking;
		field.form.requestSubmit(document.getElementById("continue"));
	}

	let before = field.value;
	field.addEventListener("input", (event) => {
		const piece = came(event, before);
		before = field.value;
		if (isCode(piece) && isCode(field.value)) {
			send();
		}
	});
	field.setAttribute("aria-describedby", `${field.getAttribute("aria-describedby") ?? ""} hint`.trim());

	// Some browsers read the text message themselves, for the host that its last
	// line names (WebOTP). Whoever sends the form has the code.
	if ("message" in field.dataset && "OTPCredential" in window) {
		const reading = new AbortController();
		document.addEventListener("submit", () => reading.abort());
		navigator.credentials.get({ otp: { transport: ["sms"] }, signal: reading.signal }).then(
			(message) => {
				field.value = message.code;
				send();
			},
			() => {}, // there was none, or somebody was quicker
		);
	}
}

// Another code can be asked for when the server takes that again. Until then the
// button says how long it is, and a screen reader is told when it is over.
function countDown(button) {
	const label = button.textContent;
	const end = Date.now() + Number(button.dataset.wait) * 1000;
	const isWaiting = () => Date.now() < end;

	function show() {
		if (!isWaiting()) {
			button.removeAttribute("aria-disabled");
			button.textContent = label;
			document.getElementById("ready").textContent = button.dataset.ready;
			return;
		}
		button.setAttribute("aria-disabled", "true");
		const left = Math.ceil((end - Date.now()) / 1000);
		button.textContent = label + (left < 100
			? button.dataset.seconds.replace("{}", left)
			: button.dataset.minutes.replace("{}", Math.ceil(left / 60)));
		setTimeout(show, 250);
	}

	button.addEventListener("click", (event) => {
		if (isWaiting()) {
			event.preventDefault();
		}
	});
	show();
}

function international(text) {
	const digits = plain(text).replace(/[^\d+]/g, "").replace(/^00/, "+");
	return digits.startsWith("+") ? digits : "";
}

const dial = (option) => option.text.match(/\+\d+/)?.[0] ?? "";

// The country of a number that is typed or filled in with its code is chosen, as
// the server does: what is chosen by hand is for numbers without one.
function chooseCountry() {
	const typed = international(number.value);
	let best = null;
	for (const option of country.options) {
		const code = dial(option);
		if (code === "" || !typed.startsWith(code)) {
			continue;
		}
		const longer = best === null || code.length > dial(best).length;
		if (longer || (code === dial(best) && "main" in option.dataset)) {
			best = option;
		}
	}
	if (best === null || dial(best) === dial(country.selectedOptions[0])) {
		return;
	}
	country.value = best.value;
	document.getElementById("chosen").textContent = best.text;
}

if (field) {
	sendWholeCodes();
}
const resend = document.getElementById("resend");
if (resend && "wait" in resend.dataset) {
	countDown(resend);
}
if (number && country) {
	number.addEventListener("input", chooseCountry);
}
