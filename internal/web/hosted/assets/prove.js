// Looks for the answer to the puzzle of the page, and sends the form with it: a
// text that, behind the seed and a full stop, has a SHA-256 that begins with so
// many zero bits. It is one block, hashed here: the browser's own digest answers
// each call later, which takes far longer than the hash itself.
const K = new Uint32Array(64);
const H = new Uint32Array(8);

// The constants of FIPS 180-4: the first 32 bits of the fractions of the roots
// of primes.
for (let n = 2, found = 0; found < 64; n++) {
	let prime = true;
	for (let d = 2; d * d <= n; d++) {
		prime = prime && n % d !== 0;
	}
	if (prime) {
		if (found < 8) {
			H[found] = fraction(Math.sqrt(n));
		}
		K[found++] = fraction(Math.cbrt(n));
	}
}

function fraction(x) {
	return Math.floor((x - Math.floor(x)) * 2 ** 32);
}

const w = new Uint32Array(64);

// first is the first word of the hash of a text of up to 55 ASCII characters.
function first(text) {
	w.fill(0);
	for (let i = 0; i < text.length; i++) {
		w[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3));
	}
	w[text.length >> 2] |= 0x80 << (24 - 8 * (text.length & 3));
	w[15] = text.length * 8;
	const turn = (x, n) => (x >>> n) | (x << (32 - n));
	for (let i = 16; i < 64; i++) {
		const a = w[i - 15];
		const b = w[i - 2];
		w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ (a >>> 3)) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ (b >>> 10));
	}
	let [a, b, c, d, e, f, g, h] = H;
	for (let i = 0; i < 64; i++) {
		const t1 = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
		const t2 = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
		h = g;
		g = f;
		f = e;
		e = (d + t1) | 0;
		d = c;
		c = b;
		b = a;
		a = (t1 + t2) | 0;
	}
	return (H[0] + a) >>> 0;
}

async function solve(seed, bits) {
	for (let n = 0; ; n++) {
		const answer = n.toString(36);
		if (Math.clz32(first(`${seed}.${answer}`)) >= bits) {
			return answer;
		}
		if (n % 5000 === 4999) {
			await new Promise((resume) => {
				setTimeout(resume); // the page stays alive meanwhile
			});
		}
	}
}

const form = document.querySelector("form[data-seed]");
const field = form.elements.username;
const asked = field.value;
document.getElementById("proving").hidden = false;
form.elements.answer.value = `${form.dataset.seed}.${await solve(form.dataset.seed, Number(form.dataset.bits))}`;
if (field.value === asked) {
	form.requestSubmit();
}
