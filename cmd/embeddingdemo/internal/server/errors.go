package server

import (
	"fmt"
	"net/http"
	"strings"
)

// ErrorShape is how error answers look. vLLM has had both.
type ErrorShape string

const (
	// ErrorNested is {"error": {"message", "type", "param", "code"}}.
	ErrorNested ErrorShape = "nested"

	// ErrorFlat is {"object": "error", "message", "type", "param", "code"}.
	ErrorFlat ErrorShape = "flat"
)

// An apiError is an answer that is not a success.
type apiError struct {
	status  int
	message string

	// param is the field of the request that the error is about; empty for none.
	param string

	// retryAfter is the header of that name; empty for none.
	retryAfter string
}

func (e *apiError) Error() string { return e.message }

// errorType is the class name in vLLM's error answers, such as BadRequestError.
func (e *apiError) errorType() string {
	text := strings.ReplaceAll(http.StatusText(e.status), " ", "")
	return strings.TrimSuffix(text, "Error") + "Error"
}

func badRequest(param, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, message: fmt.Sprintf(format, args...), param: param}
}

// errorJSON is the error object of both shapes.
type errorJSON struct {
	Object  string  `json:"object,omitempty"`
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    int     `json:"code"`
}

func (s *Server) writeError(w http.ResponseWriter, e *apiError) {
	body := errorJSON{Message: e.message, Type: e.errorType(), Code: e.status}
	if e.retryAfter != "" {
		w.Header().Set("Retry-After", e.retryAfter)
	}
	if e.param != "" {
		body.Param = &e.param
	}
	if s.config.ErrorShape == ErrorFlat {
		body.Object = "error"
		s.writeJSON(w, e.status, body)
		return
	}
	s.writeJSON(w, e.status, struct {
		Error errorJSON `json:"error"`
	}{body})
}
