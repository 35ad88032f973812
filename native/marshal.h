// Between JavaScript values and C++ ones. Readers return false after having thrown a TypeError that names the property.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "batch.h"

namespace ashlar::js {

struct Words {
  int32_t* data = nullptr;
  size_t length = 0;
};

struct Bytes {
  uint8_t* data = nullptr;
  size_t length = 0;
};

bool throwType(napi_env env, const char* name, const char* expected);

bool readWords(napi_env env, napi_value value, const char* name, Words& out);
bool readBytes(napi_env env, napi_value value, const char* name, Bytes& out);
bool readNumber(napi_env env, napi_value value, const char* name, double& out);
bool readString(napi_env env, napi_value value, const char* name, std::string& out);

// Property of an object; `out` is undefined when there is none.
bool property(napi_env env, napi_value object, const char* name, napi_value& out);
bool isUndefined(napi_env env, napi_value value);
bool wordsProperty(napi_env env, napi_value object, const char* name, Words& out);
bool bytesProperty(napi_env env, napi_value object, const char* name, Bytes& out);
bool numberProperty(napi_env env, napi_value object, const char* name, double& out);
// Leaves `out` as it is when the property is undefined.
bool optionalNumber(napi_env env, napi_value object, const char* name, double& out);
bool optionalString(napi_env env, napi_value object, const char* name, std::string& out);

// table and hashKey of an options object.
bool readSplitterSettings(napi_env env, napi_value options, SplitterSettings& out);

// A number that JavaScript made, as an integer: NaN is 0, what is too large is the largest.
int64_t toInteger(double value);

napi_value number(napi_env env, double value);
napi_value string(napi_env env, const std::string& value);
napi_value undefined(napi_env env);

}  // namespace ashlar::js
