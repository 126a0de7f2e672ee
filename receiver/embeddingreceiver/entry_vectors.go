package embeddingreceiver

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/otelcol-embedding/otelcol-embedding/internal/vector"
)

const wantVectors = "want a list of number lists, or base64 of little-endian float32"

// readVectors reads the vectors that were held back, and returns the field that is wrong and why.
func (e *entry) readVectors() (string, error) {
	ev := &e.event
	ev.OutputDimension = e.dimension
	if e.vectors == nil {
		return "", nil
	}
	rows, err := e.vectorRows()
	if err != nil {
		return e.vectorsAs, err
	}
	ev.OutputCount, ev.OutputDimension, ev.OutputRagged, ev.HasOutput = 0, 0, 0, true
	if len(rows) == 1 && kindOf(rows[0]) == kindString {
		return e.readBlock(rows[0])
	}
	for i, row := range rows {
		if err := e.readRow(row); err != nil {
			return e.vectorsAs, fmt.Errorf("holds at %d %w; %s", i, err, wantVectors)
		}
	}
	if e.dimension != 0 && ev.OutputCount > 0 && e.dimension != ev.OutputDimension {
		return "output_dim", fmt.Errorf("is %d; the vectors have %d numbers", e.dimension, ev.OutputDimension)
	}
	return "", nil
}

// vectorRows splits the field into vectors, without decoding them. A list of numbers is one vector.
func (e *entry) vectorRows() ([]json.RawMessage, error) {
	switch kind := kindOf(e.vectors); kind {
	case kindString:
		return []json.RawMessage{e.vectors}, nil
	case kindArray:
		rows, err := elements(e.vectors)
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			if first := kindOf(rows[0]); first == kindNumber || first == kindNull {
				return []json.RawMessage{e.vectors}, nil
			}
		}
		return rows, nil
	default:
		return nil, fmt.Errorf("is %s; %s", kind, wantVectors)
	}
}

// readBlock reads base64 that holds all vectors one after the other.
func (e *entry) readBlock(raw json.RawMessage) (string, error) {
	ev := &e.event
	if e.dimension == 0 {
		return "output_dim", errors.New("is missing; want the length of the vectors, because base64 does not tell it")
	}
	var err error
	if ev.Vectors, err = appendBase64(ev.Vectors, raw); err != nil {
		return e.vectorsAs, fmt.Errorf("is not base64 (%w); %s", err, wantVectors)
	}
	if len(ev.Vectors)%e.dimension != 0 {
		return e.vectorsAs, fmt.Errorf("holds %d numbers; want a multiple of output_dim, %d", len(ev.Vectors), e.dimension)
	}
	ev.OutputCount, ev.OutputDimension = len(ev.Vectors)/e.dimension, e.dimension
	return "", nil
}

// readRow reads one vector. The first one tells the dimension; others of another length are counted and left out.
func (e *entry) readRow(row json.RawMessage) (err error) {
	ev := &e.event
	have := len(ev.Vectors)
	switch kind := kindOf(row); kind {
	case kindArray:
		if ev.Vectors, _, err = vector.AppendJSON(ev.Vectors, row); err != nil {
			return err
		}
	case kindString:
		if ev.Vectors, err = appendBase64(ev.Vectors, row); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s", kind)
	}
	n := len(ev.Vectors) - have
	if n == 0 {
		return fmt.Errorf("an empty vector")
	}
	ev.OutputCount++
	if ev.OutputCount == 1 {
		ev.OutputDimension = n
	}
	if n != ev.OutputDimension {
		ev.OutputRagged++
		ev.Vectors = ev.Vectors[:have]
	}
	return nil
}

func appendBase64(dst []float32, raw json.RawMessage) ([]float32, error) {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return dst, err
	}
	return vector.AppendBase64(dst, []byte(s))
}
