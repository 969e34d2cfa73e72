// openid-client is certified by the OpenID Foundation and refuses every answer
// that is not as the specifications say.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import * as client from "openid-client";
import { application, Person, ready } from "./doorcode.mjs";

const callback = "https://app.example/callback";
const out = "https://app.example/out";
const away = (url) => url.host === "app.example";

let config;

before(async () => {
	const app = await application({ callbacks: [callback], allowed_logout_urls: [out] });
	config = await client.discovery(new URL(ready.url), app.client_id, app.client_secret);
});

// signIn sends somebody to an address and returns where they come back to.
async function signIn(person, address) {
	const { left, status, text } = await person.go(address);
	assert.ok(left, `not sent back: ${status} ${text}`);
	return left;
}

// request is an authorization request with everything that protects one.
async function request(more = {}) {
	const verifier = client.randomPKCECodeVerifier();
	const parameters = {
		redirect_uri: callback,
		scope: "openid email offline_access",
		code_challenge: await client.calculatePKCECodeChallenge(verifier),
		code_challenge_method: "S256",
		state: client.randomState(),
		nonce: client.randomNonce(),
		...more,
	};
	const checks = { pkceCodeVerifier: verifier, expectedState: parameters.state, expectedNonce: parameters.nonce };
	return { parameters, checks };
}

// invalidGrant wants the error that a code or a refresh token is refused with.
const invalidGrant = (e) => {
	assert.equal(e.error, "invalid_grant", e);
	assert.equal(e.status, 403);
	return true;
};

test("code with PKCE, state, nonce and max_age", async () => {
	const person = new Person(away);
	const { parameters, checks } = await request({ max_age: "3600" });
	const back = await signIn(person, client.buildAuthorizationUrl(config, parameters));
	const tokens = await client.authorizationCodeGrant(config, back, { ...checks, maxAge: 3600, idTokenExpected: true });
	const { sub, auth_time } = tokens.claims();
	assert.match(sub, /^email\|[0-9a-f]{24}$/);
	assert.ok(auth_time > Date.now() / 1000 - 300);
	const user = await client.fetchUserInfo(config, tokens.access_token, sub);
	assert.equal(user.email, person.email);

	await assert.rejects(client.authorizationCodeGrant(config, back, { ...checks, maxAge: 3600 }), invalidGrant);
});

test("a refresh token turns into new tokens, and can be revoked", async () => {
	const { parameters, checks } = await request();
	const back = await signIn(new Person(away), client.buildAuthorizationUrl(config, parameters));
	const first = await client.authorizationCodeGrant(config, back, checks);
	const second = await client.refreshTokenGrant(config, first.refresh_token);
	assert.notEqual(second.access_token, first.access_token);
	assert.equal(second.claims().sub, first.claims().sub);
	const last = second.refresh_token ?? first.refresh_token;
	await client.tokenRevocation(config, last);
	await assert.rejects(client.refreshTokenGrant(config, last), invalidGrant);
});

test("a request that was pushed ahead", async () => {
	const { parameters, checks } = await request();
	const address = await client.buildAuthorizationUrlWithPAR(config, parameters);
	assert.deepEqual([...address.searchParams.keys()].sort(), ["client_id", "request_uri"]);
	const back = await signIn(new Person(away), address);
	const tokens = await client.authorizationCodeGrant(config, back, checks);
	assert.ok(tokens.claims().sub);
});

test("tokens bound to a key", async () => {
	const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair("ES256"));
	const { parameters, checks } = await request({ dpop_jkt: await DPoP.calculateThumbprint() });
	const back = await signIn(new Person(away), client.buildAuthorizationUrl(config, parameters));
	const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP });
	assert.equal(tokens.token_type, "dpop");
	const { sub } = tokens.claims();
	const user = await client.fetchUserInfo(config, tokens.access_token, sub, { DPoP });
	assert.equal(user.sub, sub);
	await assert.rejects(client.fetchUserInfo(config, tokens.access_token, sub), (e) => {
		assert.equal(e.status, 401, e);
		assert.equal(e.cause[0].parameters.error, "invalid_token");
		return true;
	});
	const again = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
	assert.equal(again.token_type, "dpop");
});

test("silent sign-in, and logout that ends it", async () => {
	const person = new Person(away);
	const { parameters, checks } = await request();
	const back = await signIn(person, client.buildAuthorizationUrl(config, parameters));
	const tokens = await client.authorizationCodeGrant(config, back, checks);
	const silent = await request({ prompt: "none", id_token_hint: tokens.id_token });
	const again = await signIn(person, client.buildAuthorizationUrl(config, silent.parameters));
	const renewed = await client.authorizationCodeGrant(config, again, silent.checks);
	assert.equal(renewed.claims().sub, tokens.claims().sub);
	assert.equal(person.logins, 1);

	const leave = client.buildEndSessionUrl(config, { post_logout_redirect_uri: out, id_token_hint: tokens.id_token, state: "left & gone" });
	const gone = await signIn(person, leave);
	assert.equal(gone.origin + gone.pathname, out);
	assert.equal(gone.searchParams.get("state"), "left & gone");
	const refused = await request({ prompt: "none" });
	const answer = await signIn(person, client.buildAuthorizationUrl(config, refused.parameters));
	await assert.rejects(client.authorizationCodeGrant(config, answer, refused.checks), (e) => e.error === "login_required");
});
