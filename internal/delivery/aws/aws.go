// Package aws is what Amazon's services have in common for those that send
// through them: where they are, how requests to them are signed, and what their
// errors about accounts and signatures mean.
//
// Requests are signed by the signer of Amazon's own SDK, which is all that is
// used of it: the rest of a request is one POST.
package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/doorcode/doorcode/internal/delivery"
)

// An Account is who signs, and where.
type Account struct {
	AccessKey string
	Secret    string
	Region    string
}

// regionName is the form of a region's name. A tenant chooses it and it becomes
// part of a host, so that nothing else may be in it.
var regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$`)

// Endpoint is the base URL of a service in a region. It is false if the region
// has no such name that it could be part of one.
func Endpoint(service, region string) (string, bool) {
	if !regionName.MatchString(region) {
		return "", false
	}
	domain := "amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		domain = "amazonaws.com.cn"
	}
	return fmt.Sprintf("https://%s.%s.%s", service, region, domain), true
}

// Sign signs a request with a body (Signature Version 4).
func (a Account) Sign(ctx context.Context, req *http.Request, body, service string, now time.Time) error {
	sum := sha256.Sum256([]byte(body))
	creds := aws.Credentials{AccessKeyID: a.AccessKey, SecretAccessKey: a.Secret}
	if err := v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(sum[:]), service, a.Region, now); err != nil {
		return fmt.Errorf("sign request to %s: %w", service, err)
	}
	return nil
}

// Missing lists what the account lacks, in words.
func (a Account) Missing() []string {
	var missing []string
	if a.AccessKey == "" {
		missing = append(missing, "the access key ID")
	}
	if a.Secret == "" {
		missing = append(missing, "the secret access key")
	}
	if _, ok := Endpoint("x", a.Region); !ok {
		missing = append(missing, "a region such as eu-west-1")
	}
	return missing
}

// Code is an error code as Amazon's documents write it: protocols put the name
// of a namespace before it or an address behind it, and some an Exception.
func Code(s string) string {
	s, _, _ = strings.Cut(s, ":")
	if i := strings.LastIndexByte(s, '#'); i >= 0 {
		s = s[i+1:]
	}
	return strings.TrimSuffix(strings.TrimSpace(s), "Exception")
}

// Scope says whether a code means that no message of the account is taken.
func Scope(code string) delivery.Scope {
	switch code {
	case "InvalidClientTokenId", "UnrecognizedClient", "InvalidAccessKeyId", "InvalidSecurity", "ExpiredToken", "InvalidSignature", "SignatureDoesNotMatch",
		"MissingAuthenticationToken", "NotAuthorized", "RequestExpired", "RequestTimeTooSkewed", "AccessDenied", "AuthorizationError", "UnauthorizedOperation",
		"OptInRequired", "SubscriptionRequired", "AccountSuspended", "SendingPaused":
		return delivery.OfAccount
	}
	return delivery.ByClass
}

// Judge says what an error code means that all of Amazon's services have in
// common, and what to do about it. It is false for others.
func Judge(code string) (class delivery.Class, fix string, ok bool) {
	switch code {
	case "InvalidClientTokenId", "UnrecognizedClient", "InvalidAccessKeyId", "InvalidSecurity", "ExpiredToken", "InvalidSignature", "IncompleteSignature",
		"SignatureDoesNotMatch", "MissingAuthenticationToken", "NotAuthorized":
		return delivery.Configuration, "Enter the AWS access key ID and secret access key again. Keys of one partition (China, GovCloud) are not known in another.", true
	case "RequestExpired", "RequestTimeTooSkewed":
		return delivery.Configuration, "The clock of this server is wrong by more than AWS accepts. Set it by NTP.", true
	case "AccessDenied", "AuthorizationError", "UnauthorizedOperation":
		return delivery.Configuration, "The AWS access key may not send. Add the permission to its policy: docs/guides/providers.md names it.", true
	case "OptInRequired", "SubscriptionRequired":
		return delivery.Configuration, "The AWS account has not signed up for the service or the region. Enable it in the AWS console.", true
	case "Throttling", "Throttled", "TooManyRequests", "RequestLimitExceeded", "SlowDown", "BandwidthLimitExceeded":
		return delivery.Temporary, "", true
	case "InternalError", "InternalFailure", "InternalServer", "InternalServerError", "ServiceUnavailable":
		return delivery.Temporary, "See health.aws.amazon.com if it goes on.", true
	case "ValidationError", "Validation", "InvalidAction", "InvalidQueryParameter", "MalformedQueryString", "MissingAction", "MissingParameter",
		"InvalidParameterCombination", "SerializationError", "UnknownOperation":
		return delivery.Configuration, "AWS does not accept a setting. Check the AWS settings.", true
	}
	return delivery.Permanent, "", false
}
