package dialect

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Encodings of vectors in JSON.
const (
	// EncodingFloat is a list of numbers.
	EncodingFloat = "float"
	// EncodingBase64 is the bytes of float32 numbers, the lowest byte first.
	EncodingBase64 = "base64"
)

// A Request is a call for the vectors of texts.
type Request struct {
	// Model is the name of the model, empty for the server's only one.
	Model string
	// Texts are one or more.
	Texts []string
	// Dimensions is the length of the vectors, 0 for the model's own.
	Dimensions int
	// Encoding is EncodingFloat, EncodingBase64, or empty for what the API gives unasked.
	Encoding string
	// User is whom the call is for. APIs that have no place for it leave it out.
	User string
}

var errNoTexts = errors.New("no texts; want one or more")

// notOffered says that an API has no such feature.
func notOffered(api, feature string) error {
	return fmt.Errorf("%s has no %s", api, feature)
}

// check returns what is wrong with the request whatever the API is.
func (r *Request) check() error {
	switch {
	case len(r.Texts) == 0:
		return errNoTexts
	case r.Dimensions < 0:
		return fmt.Errorf("%d dimensions; want 1 or more, or 0 for the model's own", r.Dimensions)
	case r.Encoding != "" && r.Encoding != EncodingFloat && r.Encoding != EncodingBase64:
		return fmt.Errorf("encoding %q; want %s or %s", r.Encoding, EncodingFloat, EncodingBase64)
	}
	return nil
}

// numbersOnly returns an error where the request asks an API for an encoding that is not a list of numbers.
func (r *Request) numbersOnly(api string) error {
	if r.Encoding == EncodingBase64 {
		return notOffered(api, "encoding "+EncodingBase64)
	}
	return nil
}

// write returns the body of a request.
func write(body any) ([]byte, error) {
	data, err := json.Marshal(body)
	return data, wrap("write request", err)
}
