package oidf

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// wellKnown is where the metadata of an issuer is.
const wellKnown = "/.well-known/openid-configuration"

// discovered reads the server's metadata once for all modules (rows D1 to D5).
func (r *run) discovered() {
	r.Helper()
	r.provider.once.Do(func() {
		res, err := r.provider.http.Get(r.provider.server.URL + wellKnown)
		if err != nil {
			r.provider.problem = err
			return
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusOK {
			r.provider.problem = fmt.Errorf("D1: the metadata is answered with %d", res.StatusCode)
			return
		}
		r.provider.problem = json.NewDecoder(res.Body).Decode(&r.provider.metadata)
	})
	r.no(r.provider.problem)
	for _, name := range []string{"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"} {
		u, err := url.Parse(r.text(name))
		r.must(err == nil && u.IsAbs(), "D2", "%s is %q", name, r.text(name))
	}
	if methods := r.list("token_endpoint_auth_methods_supported"); methods != nil {
		r.want(slices.Contains(methods, r.party.auth), "D5", "%s is not among %v", r.party.auth, methods)
	}
}

func (r *run) text(name string) string {
	s, _ := r.provider.metadata[name].(string)
	return s
}

// list is a member that is an array of strings, nil if it is absent.
func (r *run) list(name string) []string {
	v, ok := r.provider.metadata[name]
	if !ok {
		return nil
	}
	values, ok := v.([]any)
	if !ok {
		r.fail("C6", "%s is %T, not an array", name, v)
		return nil
	}
	list := make([]string, 0, len(values))
	for _, v := range values {
		s, ok := v.(string)
		r.want(ok, "C6", "%s has a member that is no string: %v", name, v)
		list = append(list, s)
	}
	return list
}

func (r *run) endpoint(name string) string {
	e := r.text(name)
	r.must(e != "", "D2", "no %s in the metadata", name)
	return e
}

// The members that the specifications know, by what they have to be.
var (
	knownLists = []string{
		"scopes_supported", "response_types_supported", "response_modes_supported", "grant_types_supported",
		"acr_values_supported", "subject_types_supported", "id_token_signing_alg_values_supported",
		"id_token_encryption_alg_values_supported", "userinfo_signing_alg_values_supported",
		"request_object_signing_alg_values_supported", "token_endpoint_auth_methods_supported",
		"token_endpoint_auth_signing_alg_values_supported", "display_values_supported", "claim_types_supported",
		"claims_supported", "claims_locales_supported", "ui_locales_supported", "code_challenge_methods_supported",
		"revocation_endpoint_auth_methods_supported", "introspection_endpoint_auth_methods_supported",
		"revocation_endpoint_auth_signing_alg_values_supported", "introspection_endpoint_auth_signing_alg_values_supported",
		"dpop_signing_alg_values_supported", "prompt_values_supported", "authorization_details_types_supported",
	}
	knownFlags = []string{
		"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported",
		"require_request_uri_registration", "frontchannel_logout_supported", "frontchannel_logout_session_supported",
		"backchannel_logout_supported", "backchannel_logout_session_supported", "require_pushed_authorization_requests",
		"authorization_response_iss_parameter_supported", "require_signed_request_object",
	}
	knownAddresses = []string{
		"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint",
		"revocation_endpoint", "introspection_endpoint", "end_session_endpoint", "device_authorization_endpoint",
		"pushed_authorization_request_endpoint", "check_session_iframe", "service_documentation", "op_policy_uri", "op_tos_uri",
	}
)

// checkMetadata is the one module of the Config plan (rows C1 to C20).
func checkMetadata(r *run) {
	address := r.provider.server.URL + wellKnown
	res, err := r.provider.http.Get(address)
	r.no(err)
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	r.want(res.StatusCode == http.StatusOK, "C1", "status %d", res.StatusCode)
	r.isJSON("C1", res.Header)
	r.want(strings.HasPrefix(address, "https://"), "C3", "the metadata is at %s", address)
	r.want(strings.TrimSuffix(r.text("issuer"), "/") == strings.TrimSuffix(address, wellKnown), "C4", "issuer %q at %s", r.text("issuer"), address)
	u, err := url.Parse(r.text("issuer"))
	r.want(err == nil && u.Scheme == "https" && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil,
		"C5", "issuer %q", r.text("issuer"))
	r.checkMembers()
	r.checkLists()
	r.checkLanguages()
	r.checkKeys()
}

func (r *run) checkMembers() {
	for name, value := range r.provider.metadata {
		switch {
		case slices.Contains(knownLists, name):
			r.list(name)
		case slices.Contains(knownFlags, name):
			_, ok := value.(bool)
			r.want(ok, "C6", "%s is %v, not a boolean", name, value)
		case slices.Contains(knownAddresses, name):
			u, err := url.Parse(r.text(name))
			r.want(err == nil && u.Scheme == "https" && u.Host != "", "C11", "%s is %v", name, value)
		default:
			r.should(false, "C7", "%s is in none of the specifications", name)
		}
		if list, ok := value.([]any); ok {
			r.want(len(list) > 0, "RFC 8414 §3.2", "%s is empty, and should be left out", name)
		}
		if strings.HasSuffix(name, "_endpoint") {
			u, err := url.Parse(r.text(name))
			r.want(err == nil && u.Scheme == "https", "C19", "%s is %v", name, value)
		}
	}
}

func (r *run) checkLists() {
	types := r.list("response_types_supported")
	r.want(slices.Contains(types, "code"), "C2", "response types %v", types)
	subjects := r.list("subject_types_supported")
	r.want(slices.Contains(subjects, "public") || slices.Contains(subjects, "pairwise"), "C8", "subject types %v", subjects)
	r.want(slices.Contains(r.list("id_token_signing_alg_values_supported"), "RS256"), "C9", "no RS256 for ID tokens")
	if algs := r.list("request_object_signing_alg_values_supported"); algs != nil {
		r.should(slices.Contains(algs, "RS256"), "C14", "request objects: %v", algs)
	}
	r.should(r.list("claims_supported") != nil, "C15", "no claims_supported")
	if grants, ok := r.provider.metadata["grant_types_supported"]; ok {
		r.want(len(r.list("grant_types_supported")) > 0, "C16", "grant types: %v", grants)
	}
	scopes := r.list("scopes_supported")
	r.should(scopes != nil, "C17", "no scopes_supported")
	r.want(slices.Contains(scopes, "openid"), "C17", "scopes %v", scopes)
	for _, s := range scopes {
		r.want(s != "" && !strings.ContainsFunc(s, notInToken), "C17", "scope %q", s)
	}
	if methods := r.list("code_challenge_methods_supported"); len(methods) > 0 {
		r.want(slices.Contains(methods, "S256") || slices.Contains(methods, "plain"), "C20", "PKCE: %v", methods)
	}
}

// languageTag is the form of a BCP 47 tag, by its parts: language, script, region
// and variants. Which of them are registered is not known here.
var languageTag = regexp.MustCompile(`(?i)^([a-z]{2,3}(?:-[a-z]{3}){0,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?((?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)$`)

// checkLanguages is row C18.
func (r *run) checkLanguages() {
	r.Helper()
	for _, name := range []string{"ui_locales_supported", "claims_locales_supported"} {
		for _, tag := range r.list(name) {
			p := languageTag.FindStringSubmatch(tag)
			if p == nil {
				r.fail("C18", "%s has %q in it", name, tag)
				continue
			}
			usual := strings.ToLower(p[1])
			if p[2] != "" {
				usual += "-" + strings.ToUpper(p[2][:1]) + strings.ToLower(p[2][1:])
			}
			if p[3] != "" {
				usual += "-" + strings.ToUpper(p[3])
			}
			usual += strings.ToLower(p[4])
			r.should(tag == usual, "C18", "%s has %q in it, which is written %q", name, tag, usual)
		}
	}
}

// isJSON wants a JSON media type; parameters after it do not matter.
func (r *run) isJSON(id string, h http.Header) {
	r.Helper()
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	r.want(err == nil && kind == "application/json", id, "Content-Type %q", h.Get("Content-Type"))
}
