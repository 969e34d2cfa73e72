// What the tests need of the server: its ready file, whose path is in
// DOORCODE_READY, its outbox, applications of their own, and somebody to sign
// in with a browser that has no scripts.
import { readFileSync } from "node:fs";

export const ready = JSON.parse(readFileSync(process.env.DOORCODE_READY, "utf8"));

let people = 0;

// phone returns a number that no other test has.
export const phone = () => `+99913${process.pid}${String(++people).padStart(2, "0")}`;

// email returns an address that no other test has.
export const email = () => `openid-${process.pid}-${++people}@mail.example`;

// message waits for a message newer than the one with the id since, and returns
// it.
export async function message(to, since = "") {
	const query = new URLSearchParams({ to, since, wait: "5s" });
	if (!since) query.delete("since");
	const answer = await fetch(`${ready.outbox_url}/api/messages?${query}`);
	const { messages } = await answer.json();
	if (!messages?.length) throw new Error("no message has arrived");
	return messages[0];
}

// read has the id of the message that was read last, for each that it went to.
const read = new Map();

// code waits for a message that was not read before.
export async function code(to) {
	const newest = await message(to, read.get(to));
	read.set(to, newest.id);
	return newest.code;
}

// manage calls the Management API.
export async function manage(method, path, body) {
	const asked = await fetch(`${ready.url}/oauth/token`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({
			grant_type: "client_credentials",
			client_id: ready.management_client_id,
			client_secret: ready.management_client_secret,
			audience: `${ready.url}/api/v2/`,
		}),
	});
	const { access_token } = await asked.json();
	const answer = await fetch(`${ready.url}/api/v2${path}`, {
		method,
		headers: { authorization: `Bearer ${access_token}`, "content-type": "application/json" },
		body: body && JSON.stringify(body),
	});
	if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`);
	return answer.status === 204 ? undefined : answer.json();
}

// application makes an application and returns it as the API does.
export const application = (fields) =>
	manage("POST", "/clients", {
		name: `test ${process.pid} ${++people}`,
		app_type: "regular_web",
		oidc_conformant: true,
		grant_types: ["authorization_code", "refresh_token", "http://auth0.com/oauth/grant-type/passwordless/otp"],
		...fields,
	});

// A Person signs in by the server's pages. They follow every redirect until they
// are at an address for which away answers true, or at a page on which there is
// nothing for them to fill in.
export class Person {
	cookies = new Map(); // browsers do not tell ports apart either
	email = email();
	logins = 0;

	constructor(away = () => false) {
		this.away = away;
	}

	async go(address) {
		let at = await this.visit({ url: new URL(address), method: "GET" });
		for (let page = 0; page < 10 && !at.left; page++) {
			const next = await this.fill(at);
			if (!next) return at;
			at = await this.visit(next);
		}
		return at;
	}

	async visit({ url, method, form, from }) {
		for (let redirects = 0; redirects < 20; redirects++) {
			if (this.away(url)) return { left: url, form };
			const answer = await fetch(url, {
				method,
				redirect: "manual",
				headers: {
					accept: "text/html",
					cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
					...(form && { "content-type": "application/x-www-form-urlencoded" }),
					...(method === "POST" && {
						origin: from.origin,
						"sec-fetch-site": from.origin === url.origin ? "same-origin" : "cross-site",
					}),
				},
				body: form?.toString(),
			});
			for (const line of answer.headers.getSetCookie()) this.keep(line);
			const location = answer.headers.get("location");
			if (!location) return { url, status: answer.status, text: await answer.text() };
			[url, method, form] = [new URL(location, url), "GET", undefined];
		}
		throw new Error(`too many redirects, the last to ${url}`);
	}

	keep(line) {
		const [pair, ...attributes] = line.split(/;\s*/);
		const [name, ...value] = pair.split("=");
		const gone = attributes.some((a) => /^max-age=(0|-\d+)$/i.test(a) || /^expires=.*1970/i.test(a));
		if (gone) this.cookies.delete(name);
		else this.cookies.set(name, value.join("="));
	}

	// fill returns the request that the person makes of a page.
	async fill({ url, text }) {
		const other = text.match(/href="([^"]*connection=email[^"]*)"/)?.[1];
		if (other) return { url: new URL(unescape(other), url), method: "GET" };
		const forms = formsOf(text);
		const form = forms.find((f) => f.values.has("code") || f.values.has("username")) ?? forms.at(-1);
		if (!form) return undefined;
		const { values } = form;
		const [first] = form.buttons;
		if (first) values.set(first.name, first.value);
		if (form.action.startsWith("http")) {
			// form_post: a script would send it.
		} else if (values.has("code")) {
			const { code, id } = await message(this.email, this.since);
			this.since = id;
			this.logins++;
			values.set("code", code);
		} else if (values.has("username")) {
			values.set("username", this.email);
		} else if (url.pathname.endsWith("/consent")) {
			values.set("action", "accept");
		} else if (!values.has("logout") && !(values.has("token") && form.action === "/u/link")) {
			return undefined; // neither the page of a logout nor that of a link
		}
		return { url: new URL(form.action || url, url), method: "POST", form: values, from: url };
	}
}

const unescape = (text) =>
	text.replace(/&(?:amp|lt|gt|quot|#39|#34|#43|#x2b);/gi, (entity) =>
		({ "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&#34;": '"', "&#43;": "+", "&#x2b;": "+" })[entity.toLowerCase()],
	);

const attribute = (tag, name) => unescape(tag.match(new RegExp(`\\s${name}="([^"]*)"`, "i"))?.[1] ?? "");

// formsOf reads the forms of a page that are sent by POST.
function formsOf(text) {
	return [...text.matchAll(/<form\b[^>]*method="post"[^>]*>[\s\S]*?<\/form>/gi)].map(([form]) => {
		const values = new URLSearchParams();
		for (const [tag] of form.matchAll(/<input\b[^>]*>/gi)) {
			if (attribute(tag, "name") && !/type="(submit|checkbox|radio)"/i.test(tag)) {
				values.append(attribute(tag, "name"), attribute(tag, "value"));
			}
		}
		const buttons = [...form.matchAll(/<button\b[^>]*>/gi)]
			.map(([tag]) => ({ name: attribute(tag, "name"), value: attribute(tag, "value") }))
			.filter(({ name }) => name);
		return { action: attribute(form.match(/<form\b[^>]*>/i)[0], "action"), values, buttons };
	});
}
