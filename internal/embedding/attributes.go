package embedding

// Attribute names of the OpenTelemetry semantic conventions (GenAI, HTTP, server) that an event carries.
const (
	attrOperation       = "gen_ai.operation.name"
	attrProvider        = "gen_ai.provider.name"
	attrRequestModel    = "gen_ai.request.model"
	attrResponseModel   = "gen_ai.response.model"
	attrResponseID      = "gen_ai.response.id"
	attrInputTokens     = "gen_ai.usage.input_tokens"
	attrDimensionCount  = "gen_ai.embeddings.dimension.count"
	attrEncodingFormats = "gen_ai.request.encoding_formats"
	attrServerAddress   = "server.address"
	attrServerPort      = "server.port"
	attrURLPath         = "url.path"
	attrStatusCode      = "http.response.status_code"
	attrErrorType       = "error.type"
	attrUserAgent       = "user_agent.original"
)

// Names that instrumentations used before the current conventions, read and never written.
const (
	// attrSystem is gen_ai.provider.name's predecessor.
	attrSystem = "gen_ai.system"
	// attrPromptTokens is gen_ai.usage.input_tokens' predecessor.
	attrPromptTokens = "gen_ai.usage.prompt_tokens"
	// attrLLMRequestType marks OpenLLMetry spans; "embedding" for embedding calls.
	attrLLMRequestType = "llm.request.type"
	// attrLLMTotalTokens is OpenLLMetry's token count where it does not split input from output.
	attrLLMTotalTokens = "llm.usage.total_tokens"
)

// Attribute names of OpenInference (spec/embedding_spans.md), read and never written.
const (
	attrOISpanKind   = "openinference.span.kind"
	attrOIModel      = "embedding.model_name"
	attrOITokens     = "llm.token_count.prompt"
	attrOIProvider   = "llm.provider"
	attrOIEmbeddings = "embedding.embeddings."
	suffixOIText     = ".embedding.text"
	suffixOIVector   = ".embedding.vector"
	// oiRedacted stands in place of a value that the instrumentation hides.
	oiRedacted = "__REDACTED__"
)

// The project's own attributes of a request event.
const (
	attrTaskType          = "embedding.task_type"
	attrElementType       = "embedding.element_type"
	attrInputCount        = "embedding.input.count"
	attrInputCharacters   = "embedding.input.characters"
	attrInputFingerprints = "embedding.input.fingerprints"
	attrInputWords        = "embedding.input.words"
	attrLongestWords      = "embedding.input.longest.words"
	attrInputsEmpty       = "embedding.input.empty"
	attrInputsDuplicate   = "embedding.input.duplicate"
	attrInputTexts        = "embedding.input.texts"
	attrTruncateTokens    = "embedding.truncate.tokens"
	attrOutputCount       = "embedding.output.count"
	attrOutputDimension   = "embedding.output.dimension"
	attrOutputRagged      = "embedding.output.ragged"
	attrOutputReordered   = "embedding.output.reordered"
	attrVectors           = "embedding.vectors"
	attrDuration          = "embedding.duration"
	attrUpstreamDuration  = "embedding.upstream.duration"
	attrTokensUnit        = "embedding.tokens.unit"
	attrRequestID         = "embedding.request.id"
	attrClientID          = "embedding.client.id"
	attrCanaryCall        = "embedding.canary"
	// prefixServer is completed by a Phase and ".duration".
	prefixServer = "embedding.server."
	// attrAnomalies and attrUtilization are of a RequestQuality.
	attrAnomalies   = "embedding.request.anomalies"
	attrUtilization = "embedding.input.utilization"
)

// The project's own attributes of a judgement, on request events and window reports.
const (
	// prefixQuality begins every name here.
	prefixQuality     = "embedding.quality."
	attrVerdict       = "embedding.quality.verdict"
	attrReasons       = "embedding.quality.reasons"
	attrVectorsJudged = "embedding.quality.vectors"
	// prefixFlagged is completed by a Reason: the number of vectors flagged for it.
	prefixFlagged = "embedding.quality.flagged."
	attrNormMin   = "embedding.quality.norm.min"
	attrNormMax   = "embedding.quality.norm.max"
	attrCosineMin = "embedding.quality.cosine.min"
	attrCosineMax = "embedding.quality.cosine.max"
)

// The project's own attributes of a window report.
const (
	attrKey              = "embedding.key"
	attrReplica          = "embedding.replica"
	attrWindowDuration   = "embedding.window.duration"
	attrNormMean         = "embedding.quality.norm.mean"
	attrNormStdDev       = "embedding.quality.norm.stddev"
	attrCosineMean       = "embedding.quality.cosine.mean"
	attrCosineStdDev     = "embedding.quality.cosine.stddev"
	attrCosineP05        = "embedding.quality.cosine.p05"
	attrCosineP50        = "embedding.quality.cosine.p50"
	attrCosineP95        = "embedding.quality.cosine.p95"
	attrCentroidDistance = "embedding.quality.centroid.distance"
	attrMeanShiftZ       = "embedding.quality.mean_shift.z"
	attrReferenceVectors = "embedding.quality.reference.vectors"
	attrReferenceWindows = "embedding.quality.reference.windows"
	attrCosineKS         = "embedding.quality.cosine.ks"
	attrCosineDivergence = "embedding.quality.cosine.divergence"
	attrVarianceShift    = "embedding.quality.variance_shift"
	attrEffectiveRank    = "embedding.quality.effective_rank"
	attrRepeats          = "embedding.quality.repeats.count"
	attrMismatches       = "embedding.quality.repeats.mismatches"
	attrRepeatsCosine    = "embedding.quality.repeats.cosine.min"
	attrAlarms           = "embedding.quality.alarms"
	attrCanary           = "embedding.quality.canary"
	// attrReporter and what follows is of a WindowState.
	attrReporter        = "embedding.quality.reporter"
	attrReferenceDigest = "embedding.quality.reference.digest"
	attrFresh           = "embedding.quality.evidence.fresh"
	attrState           = "embedding.quality.state"
	attrRepeatsState    = "embedding.quality.repeats.state"
	// prefixEvidence and prefixPValue are completed by the name of a statistic.
	prefixEvidence = "embedding.quality.evidence."
	prefixPValue   = "embedding.quality.p_value."
)

// The project's own attributes of a canary result.
const (
	attrCanaryTarget       = "embedding.canary.target"
	attrCanaryRound        = "embedding.canary.round"
	attrCanaryOutcome      = "embedding.canary.outcome"
	attrCanaryVerdict      = "embedding.canary.verdict"
	attrCanaryReasons      = "embedding.canary.reasons"
	attrCanaryCalls        = "embedding.canary.calls"
	attrCanaryDuration     = "embedding.canary.duration"
	attrCanaryPins         = "embedding.canary.pins"
	attrCanaryPinned       = "embedding.canary.pins.time"
	attrCanaryCosineMin    = "embedding.canary.cosine.min"
	attrCanaryCosineMedian = "embedding.canary.cosine.median"
	attrCanaryCosineMean   = "embedding.canary.cosine.mean"
	attrCanarySkipped      = "embedding.canary.skipped"
	// prefixCanaryCheck is completed by the name of a check: what was measured.
	prefixCanaryCheck = "embedding.canary.check."
)

// Keys of a request event's body, shaped like a structured request log.
const (
	bodyEvent       = "event"
	bodyModel       = "model"
	bodyInputTokens = "input_tokens"
	bodyOutputDim   = "output_dim"
	bodyDurationMS  = "duration_ms"
	bodyStatus      = "status"
	bodyError       = "error"
)
