/* Shared by the parts of the DTLS engine. */
#pragma once
#include "crypto/dtls_identity.h"

SSL *dtls_engine_ssl(const struct dtls_engine *);
