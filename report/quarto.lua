-- What Quarto writes so that it cannot be reached by keyboard or is read out wrongly, in HTML: as the
-- built-in renderer writes it. Runs where callouts are not yet markup and equations have numbers.

local mark_cells = dofile(quarto.utils.resolve_path("../analysis/site/builtin/cells.lua"))

local function scrolling(el)
  mark_cells(el)
  local named = { tabindex = "0", role = "group", ["aria-label"] = "Table" }
  return pandoc.Div({ el }, pandoc.Attr("", { "scroll" }, named))
end

-- Bootstrap's folding header is a <div> that only a pointer opens.
local function folded(el)
  if el.collapse == nil then return nil end
  local blocks = pandoc.Blocks({})
  local open = tostring(el.collapse) == "false" and " open" or ""
  blocks:insert(pandoc.RawBlock("html", '<details class="folded"' .. open .. "><summary>"))
  blocks:insert(pandoc.Plain(pandoc.utils.blocks_to_inlines(pandoc.Blocks(el.title))))
  blocks:insert(pandoc.RawBlock("html", "</summary>"))
  blocks:extend(pandoc.Blocks(el.content))
  blocks:insert(pandoc.RawBlock("html", "</details>"))
  return blocks
end

if not quarto.doc.is_format("html") then return {} end
return {
  {
    Callout = folded,
    Table = scrolling,
    CodeBlock = function(el) el.attributes.tabindex = "0"; return el end,
    Span = function(el)
      if el.identifier:match("^eq%-") then el.attributes.tabindex = "0"; return el end
    end,
  },
}
