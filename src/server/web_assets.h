/* The page, written into the build by tools/embed.mjs. */
#pragma once
#include "http/web.h"

extern const struct web_asset web_assets[];
extern const size_t web_asset_count;
