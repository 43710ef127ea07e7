-- What Quarto writes so that it cannot be reached by keyboard or is read out wrongly, in HTML: as the
-- built-in renderer writes it. Runs where callouts are not yet markup and equations have numbers.

local reached = { tabindex = "0" } -- what scrolls by itself has to take the arrow keys

local function scrolling(el)
  -- Short cells (numbers, names) stay on one line, so that the long ones give way first.
  for _, body in ipairs(el.bodies) do
    for _, row in ipairs(body.body) do
      for _, cell in ipairs(row.cells) do
        local long = utf8.len(pandoc.utils.stringify(cell.contents)) > 20
        cell.attr.classes:insert(long and "long" or "short")
      end
    end
  end
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
