package embedding

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextReader(t *testing.T) {
	fingerprints := NewFingerprinter([]byte("key"))
	r := NewTextReader(NewFingerprinter([]byte("key")), NewTaskPrefixes(BuiltInTaskPrefixes()))
	require.Equal(t, fingerprints.Append(nil, []byte("plain")), r.AppendText(nil, []byte("plain")))
	require.Empty(t, r.Task())
	r.AppendOther(nil, []byte("query: no text"))
	require.Empty(t, r.Task())
	r.AppendText(nil, []byte("search_document: one"))
	r.AppendText(nil, []byte("search_query: two"))
	require.Equal(t, TaskDocument, r.Task(), "the first names the task of the call")
	r.Reset()
	require.Empty(t, r.Task())

	none := NewTextReader(fingerprints, nil)
	none.AppendText(nil, []byte("search_query: two"))
	require.Empty(t, none.Task())
}
