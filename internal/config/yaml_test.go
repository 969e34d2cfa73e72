package config_test

import (
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"go.yaml.in/yaml/v3"
)

func TestYAML(t *testing.T) {
	const document = `{"clients":[{"name":"My app","lifetime":36000,"callbacks":["https://app.example.com/callback"],
		"number":"0123","yes":"true","none":"","list":[],"object":{},"text":"line one\nline two: # no comment","on":true}]}`
	const want = `clients:
  - name: My app
    lifetime: 36000
    callbacks:
      - https://app.example.com/callback
    number: "0123"
    yes: "true"
    none: ""
    list: []
    object: {}
    text: |-
      line one
      line two: # no comment
    on: true
`
	got, err := config.YAML([]byte(document))
	if err != nil || string(got) != want {
		t.Fatalf("YAML = %s, %v, want %s", got, err, want)
	}
	var before, after any
	if err := yaml.Unmarshal([]byte(document), &before); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(got, &after); err != nil {
		t.Fatal(err)
	}
	a, _ := yaml.Marshal(before)
	b, _ := yaml.Marshal(after)
	if string(a) != string(b) {
		t.Errorf("read again it is %s, was %s", b, a)
	}
	if _, err := config.YAML([]byte("{")); err == nil {
		t.Error("half a document was taken")
	}
}
