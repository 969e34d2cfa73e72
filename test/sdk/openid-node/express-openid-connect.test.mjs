// Auth0's middleware for Express, in an application as its documentation has it.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import express from "express";
import oidc from "express-openid-connect";
import { application, Person, ready } from "./doorcode.mjs";

const { auth, requiresAuth } = oidc;
const servers = [];
after(() => servers.forEach((server) => server.close()));

// serve starts the application and returns its address.
async function serve(options) {
	const app = express();
	const server = createServer(app).listen(0, "localhost");
	servers.push(server);
	await once(server, "listening");
	const baseURL = `http://localhost:${server.address().port}`;
	const registered = await application({
		callbacks: [`${baseURL}/callback`],
		allowed_logout_urls: [baseURL],
		grant_types: ["authorization_code", "refresh_token", "implicit"],
	});
	app.use(
		auth({
			baseURL,
			issuerBaseURL: ready.url,
			clientID: registered.client_id,
			clientSecret: registered.client_secret,
			secret: randomBytes(32).toString("hex"),
			authRequired: false,
			idpLogout: true,
			// The application is on plain http here; its cookies must work there.
			session: { cookie: { secure: false, sameSite: "Lax" } },
			...options,
		}),
	);
	app.get("/", (_req, res) => res.send("the front page"));
	app.get("/profile", requiresAuth(), async (req, res) => {
		res.json({ user: req.oidc.user, told: req.oidc.accessToken && (await req.oidc.fetchUserInfo()) });
	});
	return baseURL;
}

// walk signs somebody in and out. Userinfo is asked where the application gets an
// access token.
async function walk(baseURL, { asks }) {
	const person = new Person();
	const profile = await person.go(`${baseURL}/profile`);
	assert.equal(profile.status, 200, profile.text);
	const { user, told } = JSON.parse(profile.text);
	assert.equal(user.email, person.email);
	if (asks) assert.deepEqual([told?.sub, told?.email], [user.sub, person.email]);
	else assert.equal(told, undefined);
	const front = await person.go(`${baseURL}/logout`);
	assert.equal(front.text, "the front page");
	// Nobody is signed in, neither at the application nor at the server.
	const again = await person.go(`${baseURL}/profile`);
	assert.equal(JSON.parse(again.text).user.email, person.email);
	assert.equal(person.logins, 2);
}

test("authorization code, and logout", async () => {
	await walk(await serve({ authorizationParams: { response_type: "code", response_mode: "query", scope: "openid profile email" } }), { asks: true });
});

test("form_post", async () => {
	await walk(
		await serve({
			authorizationParams: { response_type: "code", response_mode: "form_post", scope: "openid profile email" },
			// The answer is a POST from another site: a Lax cookie would not come.
			transactionCookie: { sameSite: "Lax" },
		}),
		{ asks: true },
	);
});

test("the middleware's own default: an ID token by form_post", async () => {
	await walk(await serve({ clientSecret: undefined, transactionCookie: { sameSite: "Lax" } }), { asks: false });
});
