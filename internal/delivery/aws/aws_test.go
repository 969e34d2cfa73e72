package aws

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/testkit/awstest"
)

// A published vector (botocore, aws4_testsuite, post-x-www-form-urlencoded) and
// one of a request to SNS.
func TestSign(t *testing.T) {
	for _, tt := range []struct{ url, kind, body, service, region, date, want string }{
		{
			"https://example.amazonaws.com/", "application/x-www-form-urlencoded", "Param1=value1", "service", "us-east-1", "20150830T123600Z",
			"ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
		},
		{
			"https://sns.eu-west-1.amazonaws.com/", "application/x-www-form-urlencoded; charset=utf-8",
			"Action=Publish&Message=123456%20is%20your%20code&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=Transactional&PhoneNumber=%2B15551234567&Version=2010-03-31",
			"sns", "eu-west-1", "20260101T000000Z", "4be8fcf83368caa4040fdab39fd197fbb1bc564b4c54e28865e6f28b466acdbf",
		},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tt.url, nil) // without a length, which the vectors do not sign
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", tt.kind)
		at, err := time.Parse("20060102T150405Z", tt.date)
		if err != nil {
			t.Fatal(err)
		}
		a := Account{AccessKey: awstest.AccessKey, Secret: awstest.Secret, Region: tt.region}
		if err := a.Sign(t.Context(), req, tt.body, tt.service, at); err != nil {
			t.Fatal(err)
		}
		if got := req.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+tt.want) {
			t.Errorf("Authorization is %s, want the signature %s", got, tt.want)
		}
	}
}

// SSR: a region is part of a host, and must not become another host.
func TestEndpoint(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "https://sns.eu-west-1.amazonaws.com", "us-gov-west-1": "https://sns.us-gov-west-1.amazonaws.com",
		"cn-north-1": "https://sns.cn-north-1.amazonaws.com.cn", "ap-southeast-5": "https://sns.ap-southeast-5.amazonaws.com",
		"": "", "evil.com/": "", "eu-west-1.evil.com": "", "eu-west-1@evil": "", "127.0.0.1": "", "eu-west-1\n": "", "EU-WEST-1": "",
		"x#": "", "eu-west-1/..": "", "localhost-1": "", "eu-west-1:443": "",
	} {
		got, ok := Endpoint("sns", region)
		if got != want || ok != (want != "") {
			t.Errorf("Endpoint(%q) = %q, %v, want %q", region, got, ok, want)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"MessageRejected": "MessageRejected", "TooManyRequestsException:http://internal.amazon.com/": "TooManyRequests",
		"com.amazonaws.sesv2#BadRequestException": "BadRequest", "": "",
	} {
		if got := Code(in); got != want {
			t.Errorf("Code(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	for class, codes := range map[delivery.Class]string{
		delivery.Configuration: "InvalidClientTokenId SignatureDoesNotMatch InvalidSecurity AuthorizationError AccessDenied OptInRequired RequestExpired ValidationError",
		delivery.Temporary:     "Throttling Throttled TooManyRequests InternalError InternalFailure ServiceUnavailable",
	} {
		for code := range strings.FieldsSeq(codes) {
			got, fix, ok := Judge(code)
			if !ok || got != class || class == delivery.Configuration && fix == "" {
				t.Errorf("Judge(%q) = %v, %q, %v, want %v", code, got, fix, ok, class)
			}
		}
	}
	if _, _, ok := Judge("EndpointDisabled"); ok {
		t.Error("a code of one service is taken for one of all")
	}
}
