/* Values that are asked for by number, many at once. */
#include "call.h"
#include "moment.h"
#include "nvml_abi.h"
#include "scenario.h"

#include <string.h>

static int has_wrong_scope(const nvmlFieldValue_t *field) {
    return field->fieldId >= NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX &&
           field->fieldId <= NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX && field->scopeId != 0xFFFFFFFF;
}

/* Writes only the member of the value's type: the rest of the union stays as the caller left it, as with a driver. */
static nvmlReturn_t answer(const struct call *call, nvmlFieldValue_t *field) {
    const char *type = "ulonglong";
    unsigned long long value = 0;
    if (has_wrong_scope(field)) return NVML_ERROR_INVALID_ARGUMENT;
    scenario_text(&type, "%s.field.%u.type", call->prefix, field->fieldId);
    if (strcmp(type, "double") == 0) {
        field->valueType = NVML_VALUE_TYPE_DOUBLE;
        return decimal(call, &field->value.dVal, "field.%u", field->fieldId);
    }

    nvmlReturn_t result = number(call, &value, "field.%u", field->fieldId);
    if (result != NVML_SUCCESS) return result;
    if (strcmp(type, "uint") == 0) {
        field->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
        field->value.uiVal = (unsigned int)value;
    } else if (strcmp(type, "ulong") == 0) {
        field->valueType = NVML_VALUE_TYPE_UNSIGNED_LONG;
        field->value.ulVal = (unsigned long)value;
    } else if (strcmp(type, "ulonglong") == 0) {
        field->valueType = NVML_VALUE_TYPE_UNSIGNED_LONG_LONG;
        field->value.ullVal = value;
    } else if (strcmp(type, "int") == 0) {
        field->valueType = NVML_VALUE_TYPE_SIGNED_INT;
        field->value.siVal = (int)value;
    } else {
        scenario_reject(type, "uint, ulong, ulonglong, int or double");
    }
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *values) {
    struct call call;
    nvmlReturn_t result = enter_gpu(&call, __func__, device, "fields");
    if (result == NVML_SUCCESS && (count <= 0 || values == NULL)) result = NVML_ERROR_INVALID_ARGUMENT;
    for (int i = 0; result == NVML_SUCCESS && i < count; i++) {
        values[i].nvmlReturn = answer(&call, &values[i]);
        values[i].timestamp = (long long)wall_us();
        values[i].latencyUsec = 0;
    }
    return leave(result);
}
