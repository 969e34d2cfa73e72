// TOK-05: Auth0's middleware for APIs in Express takes access tokens of both
// shapes, signed by each algorithm that an API may ask for, and no ID token.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import express from "express";
import { auth, requiredScopes } from "express-oauth2-jwt-bearer";
import { application, code, manage, phone, ready } from "./doorcode.mjs";

const servers = [];
after(() => servers.forEach((server) => server.close()));

// serve starts an API and returns its address.
async function serve(options) {
	const app = express();
	app.use(auth({ issuerBaseURL: ready.url, ...options }));
	app.get("/read", requiredScopes("read:a"), (req, res) => res.json(req.auth));
	app.get("/admin", requiredScopes("admin:a"), (req, res) => res.json(req.auth));
	app.use((error, _req, res, _next) => res.set(error.headers).status(error.status ?? 500).end());
	const server = createServer(app).listen(0, "localhost");
	servers.push(server);
	await once(server, "listening");
	return `http://localhost:${server.address().port}`;
}

// signIn signs somebody in for an API.
async function signIn(audience) {
	const { client_id, client_secret } = await application({});
	const number = phone();
	const post = async (path, body) => {
		const answer = await fetch(ready.url + path, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ client_id, client_secret, ...body }),
		});
		const text = await answer.text();
		assert.equal(answer.status, 200, text);
		return JSON.parse(text);
	};
	await post("/passwordless/start", { connection: "sms", phone_number: number });
	return post("/oauth/token", {
		grant_type: "http://auth0.com/oauth/grant-type/passwordless/otp",
		realm: "sms",
		username: number,
		otp: await code(number),
		scope: "openid read:a",
		audience,
	});
}

for (const [dialect, alg] of [
	["access_token", "RS256"],
	["access_token", "PS256"],
	["rfc9068_profile", "RS256"],
	["rfc9068_profile", "PS256"],
	["rfc9068_profile", "ES256"],
]) {
	test(`TOK-05 ${dialect}, ${alg}`, async () => {
		const audience = `https://${dialect.replaceAll("_", "-")}-${alg.toLowerCase()}.example/`;
		await manage("POST", "/resource-servers", {
			identifier: audience,
			token_dialect: dialect,
			signing_alg: alg,
			scopes: [{ value: "read:a" }, { value: "admin:a" }],
		});
		// strict is the shape of RFC 9068 §2.
		const api = await serve({ audience, tokenSigningAlg: alg, strict: dialect === "rfc9068_profile" });
		const tokens = await signIn(audience);
		const ask = (path, token) => fetch(api + path, { headers: { authorization: `Bearer ${token}` } });
		const read = await ask("/read", tokens.access_token);
		assert.equal(read.status, 200, read.headers.get("www-authenticate"));
		const { payload } = await read.json();
		assert.deepEqual(payload.aud, [audience, `${ready.url}/userinfo`]);
		assert.equal(payload.scope, "openid read:a");
		assert.equal((await ask("/admin", tokens.access_token)).status, 403);
		assert.equal((await ask("/read", tokens.id_token)).status, 401);
	});
}
