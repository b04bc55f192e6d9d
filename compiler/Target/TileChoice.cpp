#include "compiler/Target/TileChoice.h"
#include "absl/strings/str_cat.h"
#include "dialects/kernel/IR/DotTable.h"
#include "runtime/core/AtomicFile.h"
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace llmc {
namespace {

using Json = nlohmann::ordered_json;

// The members of a choice by their names in the file.
struct Member {
  const char *name;
  int64_t TileChoice::*value;
};
constexpr Member kMembers[] = {
    {"prefetch_far", &TileChoice::prefetchFar},
    {"prefetch_near", &TileChoice::prefetchNear},
    {"panel_cache", &TileChoice::panelCache},
};

std::string keyOf(kernel::Dot dot, absl::string_view cpu) {
  return absl::StrCat(cpu, "/", kernel::stringifyDot(dot).str());
}

absl::Status damaged(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(tilesPath(), ": ", what, "; 'llmc tune' writes it anew once it is removed"));
}

// The file's object; an empty one when there is no file.
absl::StatusOr<Json> readFile() {
  std::ifstream file(tilesPath());
  if (!file)
    return Json::object();
  Json json = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return damaged("is not a JSON object");
  return json;
}

absl::StatusOr<TileChoice> fromJson(const Json &json) {
  TileChoice tiles;
  const auto widths = json.find("tiles");
  if (widths == json.end() || !widths->is_array())
    return damaged("a choice has no list 'tiles'");
  for (const Json &width : *widths) {
    if (!width.is_number_integer())
      return damaged("'tiles' holds something else than whole numbers");
    tiles.widths.push_back(width.get<int64_t>());
  }
  for (const Member &member : kMembers) {
    const auto value = json.find(member.name);
    if (value == json.end() || !value->is_number_integer())
      return damaged(absl::StrCat("a choice has no whole number '", member.name, "'"));
    tiles.*member.value = value->get<int64_t>();
  }
  return tiles;
}

} // namespace

TileChoice builtInTiles(kernel::Dot dot) { return {kernel::dotRow(dot).tiles}; }

absl::Status checkTiles(kernel::Dot dot, const TileChoice &tiles) {
  const kernel::DotRow &row = kernel::dotRow(dot);
  const std::vector<int64_t> &widths = tiles.widths;
  if (widths.empty() || widths.front() != 1 || widths.back() > row.widestTile ||
      std::ranges::adjacent_find(widths, std::greater_equal<>()) != widths.end())
    return absl::InvalidArgumentError(
        absl::StrCat("tiles must ascend from 1 to at most ", row.widestTile));
  // One token alone may be summed in another order than several.
  if (row.widestTile > 1 && widths.size() < 2)
    return absl::InvalidArgumentError("there must be a tile of more than 1 token");
  for (size_t i = 1; i < widths.size(); ++i)
    if (widths[i] - widths[i - 1] > kernel::kRowPadding + 1)
      return absl::InvalidArgumentError(
          absl::StrCat("neighbouring tiles may differ by at most ", kernel::kRowPadding + 1));
  // How wide a step is that the matrix unit takes decides how its sums are rounded, and panels are
  // multiplied in halves of the widest tile.
  if (row.panels && widths.back() != row.widestTile)
    return absl::InvalidArgumentError(absl::StrCat("the widest tile must be ", row.widestTile));
  if (dot == kernel::Dot::Amx && (widths.size() < 2 || widths[widths.size() - 2] != 8))
    return absl::InvalidArgumentError("the tile before the matrix unit's must be 8");
  for (int64_t distance : {tiles.prefetchFar, tiles.prefetchNear})
    if (distance < 64 || distance > 1 << 20 || distance % 64)
      return absl::InvalidArgumentError("prefetches are whole lines of 64 bytes, at most 1 MiB");
  if (tiles.panelCache < 1 << 16 || tiles.panelCache > 1 << 28)
    return absl::InvalidArgumentError("panels take 64 KiB to 256 MiB");
  return absl::OkStatus();
}

std::string tilesPath() {
  for (auto [variable, folder] :
       {std::pair("XDG_CONFIG_HOME", "/llmc"), std::pair("HOME", "/.config/llmc")})
    if (const char *base = std::getenv(variable); base && *base)
      return absl::StrCat(base, folder, "/tiles.json");
  return "";
}

absl::StatusOr<std::optional<TileChoice>> tunedTiles(kernel::Dot dot, absl::string_view cpu) {
  absl::StatusOr<Json> file = readFile();
  if (!file.ok())
    return file.status();
  const auto found = file->find(keyOf(dot, cpu));
  if (found == file->end())
    return std::nullopt;
  absl::StatusOr<TileChoice> tiles = fromJson(*found);
  if (!tiles.ok())
    return tiles.status();
  if (absl::Status status = checkTiles(dot, *tiles); !status.ok())
    return damaged(absl::StrCat(keyOf(dot, cpu), ": ", status.message()));
  return *std::move(tiles);
}

absl::Status keepTiles(kernel::Dot dot, absl::string_view cpu, const TileChoice &tiles) {
  if (absl::Status status = checkTiles(dot, tiles); !status.ok())
    return status;
  const std::string path = tilesPath();
  if (path.empty())
    return absl::FailedPreconditionError(
        "there is no place for the choice of tiles: set HOME or XDG_CONFIG_HOME");
  absl::StatusOr<Json> json = readFile();
  if (!json.ok())
    return json.status();
  Json &entry = (*json)[keyOf(dot, cpu)] = Json::object();
  entry["tiles"] = tiles.widths;
  for (const Member &member : kMembers)
    entry[member.name] = tiles.*member.value;
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error)
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot make its folder: ", error.message()));
  absl::StatusOr<AtomicFile> file = AtomicFile::create(path);
  if (!file.ok())
    return file.status();
  absl::Status status = file->write(absl::string_view(json->dump(2) + "\n"));
  status.Update(file->commit());
  return status;
}

} // namespace llmc
