// Draw.h - pictures of the tiles that attentions visit.
#pragma once

#include "compiler/pipeline/Pipeline.h"

namespace heed {

/// To the terminal, or the tiles of each attention to a file: `path`, and for further ones with a number before the suffix.
mlir::LogicalResult drawTiles(Session &session, std::vector<AttentionTiles> const &attentions, std::string const &model,
                              std::string const &path);

} // namespace heed
