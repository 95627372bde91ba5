// Table: rows in aligned columns, for people.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace billbroker {

class Table final {
 public:
  // An empty header prints none.
  explicit Table(std::vector<std::string> header = {});

  // Adds a row with any number of cells; control characters in them become '?'.
  void Add(std::vector<std::string> row);

  // Prints the rows, with two spaces between columns and none at the end of a line.
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace billbroker
