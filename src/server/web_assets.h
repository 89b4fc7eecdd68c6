/* The page, as tools/embed.mjs wrote it into the build. */
#pragma once
#include "http/web.h"

extern const struct web_asset web_assets[];
extern const size_t web_asset_count;
