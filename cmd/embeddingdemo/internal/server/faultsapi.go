package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
)

// maxSettingSize bounds the body of a fault's setting in bytes.
const maxSettingSize = 64 << 10

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) {
	s.writeJSON(w, http.StatusOK, struct {
		Faults []faultJSON `json:"faults"`
	}{s.faults.list()})
}

func (s *Server) putFault(w http.ResponseWriter, r *http.Request) {
	setting, err := readSetting(w, r)
	if err != nil {
		s.writeError(w, badRequest("", "%v", err))
		return
	}
	s.answerFault(w, r, s.faults.Set(r.PathValue("name"), setting))
}

func (s *Server) deleteFault(w http.ResponseWriter, r *http.Request) {
	s.answerFault(w, r, s.faults.Clear(r.PathValue("name")))
}

func (s *Server) deleteFaults(w http.ResponseWriter, r *http.Request) {
	s.faults.ClearAll()
	s.getFaults(w, r)
}

// answerFault writes the fault as it is now.
func (s *Server) answerFault(w http.ResponseWriter, r *http.Request, err error) {
	var unknown *UnknownFaultError
	switch {
	case errors.As(err, &unknown):
		s.writeError(w, &apiError{status: http.StatusNotFound, message: err.Error()})
		return
	case err != nil:
		s.writeError(w, badRequest("", "%v", err))
		return
	}
	for _, f := range s.faults.list() {
		if f.Name == r.PathValue("name") {
			s.writeJSON(w, http.StatusOK, f)
		}
	}
}

// readSetting reads {"share": 0.1, "value": 2, "count": 50} or the same as a form. All three may be left out.
func readSetting(w http.ResponseWriter, r *http.Request) (Setting, error) {
	setting := Setting{Share: 1}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSettingSize))
	if err != nil {
		return setting, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return setting, nil
	}
	// curl -d sends JSON as a form as well, so the body itself decides.
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" || bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return readSettingJSON(body, setting)
	}
	return readSettingForm(string(body), setting)
}

func readSettingJSON(body []byte, setting Setting) (Setting, error) {
	var fields struct {
		Share *float64        `json:"share"`
		Value json.RawMessage `json:"value"`
		Count int64           `json:"count"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&fields); err != nil {
		return setting, fmt.Errorf(`%w; want e.g. {"share": 0.1, "value": 2, "count": 50}`, err)
	}
	if fields.Share != nil {
		setting.Share = *fields.Share
	}
	setting.Count = fields.Count
	// A number stands as it is; a word, the JSON null among them, is no word without its quotes.
	if json.Unmarshal(fields.Value, &setting.Value) != nil {
		setting.Value = string(fields.Value)
	}
	return setting, nil
}

func readSettingForm(body string, setting Setting) (Setting, error) {
	form, err := url.ParseQuery(body)
	if err != nil {
		return setting, err
	}
	for key, values := range form {
		value := values[0]
		switch key {
		case "share":
			if setting.Share, err = strconv.ParseFloat(value, 64); err != nil {
				return setting, fmt.Errorf("share is %q; want a number", value)
			}
		case "value":
			setting.Value = value
		case "count":
			if setting.Count, err = strconv.ParseInt(value, 10, 64); err != nil {
				return setting, fmt.Errorf("count is %q; want a whole number", value)
			}
		default:
			return setting, fmt.Errorf("unknown key %q; want share, value, count", key)
		}
	}
	return setting, nil
}
