package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/hashing"
	"github.com/otelcol-embedding/otelcol-embedding/cmd/embeddingdemo/internal/tokens"
)

const (
	// maxBodySize bounds a request body in bytes.
	maxBodySize = 64 << 20

	// vocabularySize is Qwen3's; token ids are below it.
	vocabularySize = 151_936

	// minDimensions is the smallest vector that Qwen3-Embedding may be asked for.
	minDimensions = 32

	// endTokens is how many tokens Qwen3-Embedding adds to a text: the one that ends it.
	endTokens = 1
)

// An input is one text to embed, either as a string or as token ids.
type input struct {
	text string
	ids  []int64

	isIDs  bool
	tokens int
}

// truncate cuts the input to limit tokens.
func (in *input) truncate(limit int) {
	if in.tokens <= limit {
		return
	}
	in.tokens = limit
	if in.isIDs {
		in.ids = in.ids[:limit]
		return
	}
	in.text, _ = tokens.Truncate(in.text, limit-endTokens)
}

// embed returns the vector of the input in a model.
func (in input) embed(model *hashing.Embedder) []float32 {
	if in.isIDs {
		return model.Tokens(in.ids)
	}
	return model.Text(in.text)
}

// key returns a number that stands for the input.
func (in input) key() uint64 {
	if in.isIDs {
		return hashing.KeyOfTokens(in.ids)
	}
	return hashing.Key(in.text)
}

func keys(inputs []input) []uint64 {
	out := make([]uint64, len(inputs))
	for i, in := range inputs {
		out[i] = in.key()
	}
	return out
}

// A request is a valid call of /v1/embeddings.
type request struct {
	inputs     []input
	base64     bool
	dimensions int
}

// readRequest reads and checks the body of a call. Fields it does not know are left alone, as in vLLM.
func (s *Server) readRequest(w http.ResponseWriter, r *http.Request) (*request, *apiError) {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
		return nil, badRequest("", "Unsupported Media Type: Only 'application/json' is allowed")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodySize))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, &apiError{status: http.StatusRequestEntityTooLarge, message: err.Error()}
	}
	if err != nil {
		return nil, badRequest("", "reading the body: %v", err)
	}
	var fields struct {
		Model          string          `json:"model"`
		Input          json.RawMessage `json:"input"`
		EncodingFormat *string         `json:"encoding_format"`
		Dimensions     *int            `json:"dimensions"`
		User           *string         `json:"user"`
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && wrong.Field != "" {
			return nil, badRequest(wrong.Field, "%s: Input should be a valid %s, got %s", wrong.Field, wrong.Type, wrong.Value)
		}
		return nil, badRequest("", "JSON decode error: %v", err)
	}
	if fields.Model != "" && fields.Model != s.config.Model {
		return nil, &apiError{
			status:  http.StatusNotFound,
			message: fmt.Sprintf("The model `%s` does not exist.", fields.Model),
			param:   "model",
		}
	}
	req := &request{dimensions: s.config.Dimension}
	switch {
	case fields.EncodingFormat == nil || *fields.EncodingFormat == "float":
	case *fields.EncodingFormat == "base64":
		req.base64 = true
	default:
		return nil, badRequest("encoding_format", "encoding_format: Input should be 'float' or 'base64', got %q",
			*fields.EncodingFormat)
	}
	if fields.Dimensions != nil {
		if *fields.Dimensions < minDimensions || *fields.Dimensions > s.config.Dimension {
			return nil, badRequest("dimensions", "dimensions: Input should be between %d and %d, got %d",
				minDimensions, s.config.Dimension, *fields.Dimensions)
		}
		req.dimensions = *fields.Dimensions
	}
	var failure *apiError
	req.inputs, failure = readInputs(fields.Input)
	return req, failure
}

// readInputs reads the four forms of the field input: string, list of strings, token ids, list of token ids.
func readInputs(raw json.RawMessage) ([]input, *apiError) {
	if len(raw) == 0 {
		return nil, badRequest("input", "input: Field required")
	}
	var text string
	if raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		return textInputs(text), nil
	}
	var texts []string
	var ids []int64
	var lists [][]int64
	switch {
	case raw[0] != '[':
	case unmarshalList(raw, &texts):
		return textInputs(texts...), nil
	case unmarshalList(raw, &ids):
		return idInputs(ids)
	case unmarshalList(raw, &lists):
		return idInputs(lists...)
	case string(raw) == "[]":
		return nil, badRequest("input", "input: You must pass at least one prompt")
	}
	return nil, badRequest("input", "input: Input should be a string, a list of strings, a list of token ids "+
		"or a list of lists of token ids")
}

// unmarshalList reads a list that is not empty and has no null.
func unmarshalList[T any](raw json.RawMessage, list *[]T) bool {
	var elements []*T
	if json.Unmarshal(raw, &elements) != nil || len(elements) == 0 {
		return false
	}
	*list = make([]T, len(elements))
	for i, e := range elements {
		if e == nil {
			return false
		}
		(*list)[i] = *e
	}
	return true
}

func textInputs(texts ...string) []input {
	inputs := make([]input, len(texts))
	for i, text := range texts {
		inputs[i] = input{text: text, tokens: tokens.Count(text) + endTokens}
	}
	return inputs
}

func idInputs(lists ...[]int64) ([]input, *apiError) {
	inputs := make([]input, len(lists))
	for i, ids := range lists {
		if len(ids) == 0 {
			return nil, badRequest("input", "input: The prompt cannot be empty")
		}
		for _, id := range ids {
			if id < 0 || id >= vocabularySize {
				return nil, badRequest("input", "input: Token id %d is out of vocabulary", id)
			}
		}
		inputs[i] = input{ids: ids, isIDs: true, tokens: len(ids)}
	}
	return inputs, nil
}
