package canary

// Names of checks, as results have them.
const (
	checkPinnedMin     = "pinned_cosine_min"
	checkPinnedMedian  = "pinned_cosine_median"
	checkPinnedMean    = "pinned_cosine_mean"
	checkPinnedTexts   = "pinned_texts"
	checkOutliers      = "pinned_outliers"
	checkOddMin        = "odd_cosine_min"
	checkLongMin       = "long_cosine_min"
	checkRepeat        = "repeat_cosine_min"
	checkAgain         = "again_cosine_min"
	checkAlone         = "alone_cosine_min"
	checkEqual         = "equal_batch_cosine_min"
	checkFreshRepeat   = "fresh_repeat_cosine_min"
	checkCalls         = "calls_disagree"
	checkRounds        = "rounds_disagree"
	checkFresh         = "fresh_cosine_median"
	checkFreshShift    = "fresh_shift"
	checkEncoding      = "encoding_cosine_min"
	checkMatryoshka    = "matryoshka_cosine_min"
	checkMatryoshkaLen = "matryoshka_norm_error"
	checkMatryoshkaNo  = "matryoshka_refused"
	checkOverlap       = "matryoshka_overlap" // followed by the dimension
	checkOrder         = "order_swapped"
	checkNonFinite     = "non_finite"
	checkZero          = "zero"
	checkCount         = "wrong_count"
	checkDimension     = "wrong_dimension"
	checkNorm          = "norm_error"
	checkNormRatio     = "norm_ratio"
	checkIdentical     = "identical_texts"
	checkDistance      = "texts_distance_median"
	checkMargin        = "pair_margin"
	checkPairOrder     = "pair_order"
	checkRecall1       = "recall_at_1"
	checkRecall10      = "recall_at_10"
	checkMRR           = "mrr"
	checkKendall       = "kendall_tau"
	checkInstruction   = "instruction_cosine"
	checkEffective     = "effective_tokens"
)

// reasonModel stands among the reasons for a change if the answers also name another model than they did.
const reasonModel = "response_model"

// Description says what a check measures.
type Description struct{ Name, Text string }

// Descriptions lists the checks in the order in which a reader wants them. A round has those for which it has vectors.
func Descriptions() []Description {
	return []Description{
		{checkPinnedMedian, "median cosine of the plain texts to their pinned vectors"},
		{checkPinnedMean, "mean of the same"},
		{checkPinnedMin, "least of the same"},
		{checkPinnedTexts, "number of plain texts that were compared"},
		{checkOutliers, "number of plain texts whose cosine is out of the usual"},
		{checkOddMin, "least cosine of odd and blank texts to their pinned vectors"},
		{checkLongMin, "least cosine of long texts to their pinned vectors"},
		{checkKendall, "Kendall's τ of the similarities of all pairs of plain texts and those of the pinned vectors"},
		{checkRepeat, "least cosine of the vectors of a call that is sent twice in a row"},
		{checkAgain, "least cosine of the vectors of the same texts at the beginning and at the end of the round, in another order"},
		{checkAlone, "least cosine of the vectors of the same text alone and in a batch"},
		{checkEqual, "least cosine of the vectors of the same text alone and in a batch of equal lengths"},
		{checkFreshRepeat, "least cosine of the vectors of a text that is new to the server, and again"},
		{checkCalls, "number of calls whose texts are far from the pinned vectors while those of others are near"},
		{checkFresh, "median cosine of texts that are new to the server to the texts that they vary"},
		{checkFreshShift, "by how much that is less than it was"},
		{checkInstruction, "median cosine of queries with and without the instruction"},
		{checkEncoding, "least cosine of the vectors of the same text in two encoding formats"},
		{checkMatryoshka, "least cosine of the vectors in a smaller dimension and the cut vectors"},
		{checkMatryoshkaLen, "largest difference of the length of vectors in a smaller dimension from 1"},
		{checkMatryoshkaNo, "number of texts that were refused in a smaller dimension"},
		{checkOverlap, "share of the ten nearest documents that vectors cut to that dimension find too; _ and the dimension follow"},
		{checkOrder, "number of vectors that are those of another text of the same call"},
		{checkNonFinite, "number of vectors with NaN or infinity"},
		{checkZero, "number of vectors of zeros"},
		{checkCount, "number of calls with more or fewer vectors than texts"},
		{checkDimension, "number of calls with vectors of another dimension than asked for, than usual, or of several"},
		{checkNorm, "largest difference of the length of vectors from 1"},
		{checkNormRatio, "median length of the vectors of plain texts over the pinned one"},
		{checkIdentical, "number of plain texts whose vector another one has"},
		{checkDistance, "median of 1 − cosine over all pairs of plain texts"},
		{checkMargin, "mean cosine of pairs that mean the same, less that of pairs that have nothing to do with each other"},
		{checkPairOrder, "share of the former that are nearer than the latter, of all combinations"},
		{checkRecall1, "share of queries whose nearest document is the right one"},
		{checkRecall10, "share of queries that have it among the ten nearest"},
		{checkMRR, "mean of 1 over the rank of the right document"},
		{checkEffective, "number of tokens up to which the end of a text counts, as far as it was tried"},
		{checkRounds, "largest median distance of the texts between rounds that were to be learned from"},
	}
}
