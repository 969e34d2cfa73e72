// Chooses the country of a number that is typed or filled in with its code, as
// the server does: what is chosen by hand is for numbers without one.
const number = document.getElementById("username");
const country = document.getElementById("country");
const said = document.getElementById("chosen");
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

function international(text) {
	const plain = text.normalize("NFKC").replace(/\p{Nd}/gu, digit).replace(/[^\d+]/g, "").replace(/^00/, "+");
	return plain.startsWith("+") ? plain : "";
}

const dial = (option) => option.text.match(/\+\d+/)?.[0] ?? "";

number.addEventListener("input", () => {
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
	said.textContent = best.text;
});
