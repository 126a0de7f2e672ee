package canary

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

const (
	pinsFormat  = "embedding-canary-pins"
	pinsVersion = 1
	// maxDimension is what any vector may have that is pinned.
	maxDimension = 1 << 16
)

// pinsFile is the file but for its texts, which have a line each.
type pinsFile struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Digest  string `json:"digest"`
	pinsHeader
}

type pinsHeader struct {
	Origin
	Dimension           int                `json:"dimension"`
	Rounds              int                `json:"rounds"`
	Suite               string             `json:"suite"`
	ResponseModel       string             `json:"response_model,omitempty"`
	QueryInstruction    string             `json:"query_instruction,omitempty"`
	DocumentInstruction string             `json:"document_instruction,omitempty"`
	RepeatSpread        float64            `json:"repeat_spread"`
	MedianSpread        float64            `json:"median_spread"`
	MaxSpread           float64            `json:"max_spread"`
	Instruction         float64            `json:"instruction_distance,omitempty"`
	EffectiveTokens     float64            `json:"effective_tokens,omitempty"`
	Figures             map[string]float64 `json:"figures,omitempty"`
	Fresh               []PinnedFresh      `json:"fresh,omitempty"`
	Rungs               []PinnedRung       `json:"long,omitempty"`
}

// textLine is a text. Vector is little-endian float32 in base64.
type textLine struct {
	ID     string  `json:"id"`
	Key    string  `json:"key"`
	Norm   float64 `json:"norm"`
	Spread float64 `json:"spread"`
	Vector string  `json:"vector"`
}

func (p *Pins) header() pinsHeader {
	return pinsHeader{
		p.Origin, p.Dimension, p.Rounds, p.Suite, p.ResponseModel, p.QueryInstruction, p.DocumentInstruction,
		p.RepeatSpread, p.MedianSpread, p.MaxSpread, p.Instruction, p.EffectiveTokens, p.Figures, p.Fresh, p.Rungs,
	}
}

// lines returns the texts as they are in the file.
func (p *Pins) lines() ([][]byte, error) {
	lines := make([][]byte, len(p.Texts))
	for i, t := range p.Texts {
		data := make([]byte, 0, 4*len(t.Vector))
		for _, v := range t.Vector {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		var err error
		if lines[i], err = json.Marshal(textLine{t.ID, t.Key, t.Norm, t.Spread, base64.StdEncoding.EncodeToString(data)}); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// Encode returns the pins as a file: JSON with one line for each text, so that a difference of two files shows which texts changed.
func (p *Pins) Encode() ([]byte, error) {
	lines, err := p.lines()
	if err != nil {
		return nil, err
	}
	digest, err := digest(p.header(), lines)
	if err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(pinsFile{pinsFormat, pinsVersion, digest, p.header()}, "", "  ")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(data, []byte("\n}")))
	b.WriteString(",\n  \"texts\": [")
	for i, line := range lines {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		b.Write(line)
	}
	b.WriteString("\n  ]\n}\n")
	return b.Bytes(), nil
}

// digest is over the content, not over how it is written: line ends and indentation may change.
func digest(header pinsHeader, lines [][]byte) (string, error) {
	data, err := json.Marshal(header)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	hash.Write(data)
	for _, line := range lines {
		hash.Write([]byte("\n"))
		hash.Write(line)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
}

// Digest names the content of the pins: 16 hexadecimal digits.
func (p *Pins) Digest() string {
	lines, err := p.lines()
	if err != nil {
		return ""
	}
	digest, _ := digest(p.header(), lines)
	return digest
}

// Decode reads what Encode wrote. It refuses what is damaged.
func Decode(data []byte) (*Pins, error) {
	var f struct {
		pinsFile
		Texts []textLine `json:"texts"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("pins: %w", err)
	}
	switch {
	case f.Format != pinsFormat:
		return nil, fmt.Errorf("pins: format: found %q; want %q", f.Format, pinsFormat)
	case f.Version != pinsVersion:
		return nil, fmt.Errorf("pins: version: found %d; want %d", f.Version, pinsVersion)
	case f.Dimension < 1 || f.Dimension > maxDimension:
		return nil, fmt.Errorf("pins: dimension: found %d; want 1 to %d", f.Dimension, maxDimension)
	}
	h := &f.pinsHeader
	p := &Pins{
		h.Origin, h.Dimension, h.Rounds, h.Suite, h.ResponseModel, h.QueryInstruction, h.DocumentInstruction,
		h.RepeatSpread, h.MedianSpread, h.MaxSpread, h.Instruction, h.Fresh, h.Rungs, h.EffectiveTokens, h.Figures, nil, nil,
	}
	for i := range f.Texts {
		t, err := f.Texts[i].read(p.Dimension)
		if err != nil {
			return nil, fmt.Errorf("pins: texts[%d] %q: %w", i, f.Texts[i].ID, err)
		}
		p.Texts = append(p.Texts, t)
	}
	p.index()
	if len(p.byKey) < len(p.Texts) {
		return nil, errors.New("pins: texts: found a key twice; want each once")
	}
	if want := p.Digest(); f.Digest != want {
		return nil, fmt.Errorf("pins: digest: found %q; want %q: the file was changed or damaged", f.Digest, want)
	}
	return p, nil
}

func (l *textLine) read(dimension int) (PinnedText, error) {
	t := PinnedText{ID: l.ID, Key: l.Key, Norm: l.Norm, Spread: l.Spread}
	data, err := base64.StdEncoding.DecodeString(l.Vector)
	switch {
	case err != nil:
		return t, fmt.Errorf("vector: %w", err)
	case len(data) != 4*dimension:
		return t, fmt.Errorf("vector: found %d bytes; want %d", len(data), 4*dimension)
	case !(l.Norm > 0):
		return t, fmt.Errorf("norm: found %v; want more than 0", l.Norm)
	}
	t.Vector = make([]float32, dimension)
	for i := range t.Vector {
		t.Vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	if p, ok := newPoint(t.Vector); !ok || math.Abs(p.norm-1) > 1e-3 {
		return t, errors.New("vector: found no vector of length 1")
	}
	return t, nil
}
