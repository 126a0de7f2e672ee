package vectorfile

import "bytes"

// fileFormat names the format of a file, as errors and Reader.Format do.
type fileFormat string

const (
	unknownFormat fileFormat = ""
	npyFormat     fileFormat = "npy"
	npzFormat     fileFormat = "npz"
	parquetFormat fileFormat = "parquet"
	jsonFormat    fileFormat = "jsonl"
	gzipFormat    fileFormat = "gzip"
	zstdFormat    fileFormat = "zstd"

	// Formats that are not read and that files of vectors are met in.
	arrowFormat     fileFormat = "an Arrow or Feather file"
	hdf5Format      fileFormat = "an HDF5 file"
	encryptedFormat fileFormat = "an encrypted Parquet file"
	utf16Format     fileFormat = "text in UTF-16"
	pickleFormat    fileFormat = "a Python pickle"
)

// sniff returns the format of a file by how it begins.
func sniff(head []byte) fileFormat {
	for _, m := range [...]struct {
		magic  string
		format fileFormat
	}{
		{npyMagic, npyFormat},
		{"PK\x03\x04", npzFormat},
		{"PK\x05\x06", npzFormat}, // an archive with nothing in it
		{parquetMagic, parquetFormat},
		{"\x1f\x8b", gzipFormat},
		{"\x28\xb5\x2f\xfd", zstdFormat},
		{"ARROW1", arrowFormat},
		{"\x89HDF", hdf5Format},
		{"PARE", encryptedFormat},
		{"\xff\xfe", utf16Format},
		{"\xfe\xff", utf16Format},
		{"\x80\x02", pickleFormat},
		{"\x80\x03", pickleFormat},
		{"\x80\x04", pickleFormat},
		{"\x80\x05", pickleFormat},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.format
		}
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte(byteOrderMark)), " \t\r\n")
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return jsonFormat
	}
	return unknownFormat
}

// wantInstead says how a file of another format becomes one that is read.
func wantInstead(f fileFormat) string {
	switch f {
	case arrowFormat:
		return ": pyarrow.parquet.write_table(pyarrow.feather.read_table(file), 'vectors.parquet')"
	case hdf5Format:
		return ": np.save('vectors.npy', h5py.File(file)['embeddings'])"
	case utf16Format:
		return ": JSON lines in UTF-8"
	case pickleFormat:
		return ": np.save('vectors.npy', np.asarray(pickle.load(open(file, 'rb')), np.float32))"
	case gzipFormat, zstdFormat:
		return ": compressed once"
	}
	return ""
}
