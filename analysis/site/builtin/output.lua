-- Writes what pandoc has no form for: figures, tables, equations, callouts and code, as HTML for
-- style.css and as calls of the functions in paper.typ. Numbers and citations are settled before.

local typst = FORMAT:match("^typst") ~= nil
local folder = ""

local function raw(text) return pandoc.RawBlock(typst and "typst" or "html", text) end

local function escape(text)
  if typst then return '"' .. text:gsub('[\\"]', "\\%0") .. '"' end
  return '"' .. text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }) .. '"'
end

local function wrapped(before, content, after)
  local blocks = pandoc.Blocks({ raw(before) })
  blocks:extend(content)
  blocks:insert(raw(after))
  return blocks
end

-- A size in pixels, or a share of the text, as Typst writes it.
local function typst_size(value)
  if not value then return "auto" end
  local amount, unit = value:match("^([%d.]+)(.*)$")
  if unit == "" or unit == "px" then return string.format("%.2fpt", tonumber(amount) * 0.75) end
  return value
end

local function image(el)
  local alt = el.attributes["fig-alt"] or pandoc.utils.stringify(el.caption)
  if typst then
    -- What cells made for the screen as WebP lies beside it as a drawing.
    local drawn = el.src:gsub("^(made/.*)%.webp$", "%1.svg")
    local named = drawn:gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end)
    local source = el.src:match("^about:") and "" or folder .. "/" .. named
    return pandoc.RawInline("typst", string.format("#plate(%s, alt: %s, width: %s)",
      escape(source), escape(alt), typst_size(el.attributes.width)))
  end
  el.caption = { pandoc.Str(alt) }
  el.attributes["fig-alt"] = nil
  return el
end

local function split(content)
  local parts = { caption = pandoc.Blocks({}), code = pandoc.Blocks({}), body = pandoc.Blocks({}) }
  for _, block in ipairs(content) do
    local class = block.t == "Div" and block.classes[1]
    if class == "caption" then parts.caption:extend(block.content)
    elseif class == "cell-code" then parts.code:insert(block)
    else parts.body:insert(block) end
  end
  return parts
end

local function code(el)
  if not el.attributes.formats:find(typst and "typst" or "html") then return {} end
  if typst or el.attributes.fold == "none" then return el.content end
  local open = el.attributes.fold == "open" and " open" or ""
  return wrapped('<details class="code-fold"' .. open .. "><summary>"
    .. escape(el.attributes.summary):sub(2, -2) .. "</summary>", el.content, "</details>")
end

local function numbered(el)
  local parts, label = split(el.content), el.identifier
  local is_table = label:match("^tbl") ~= nil
  local kind = is_table and "table" or "figure"
  local blocks = pandoc.Blocks({})
  parts.code = parts.code:walk({ Div = code })
  if typst then
    blocks:extend(parts.code)
    blocks:insert(raw("#numbered-" .. kind .. "(label: <" .. label .. ">, caption: ["))
    blocks:extend(parts.caption)
    blocks:insert(raw("])["))
    blocks:extend(parts.body)
    blocks:insert(raw("]"))
    return blocks
  end
  local caption = wrapped("<figcaption>", parts.caption, "</figcaption>")
  blocks:insert(raw('<figure class="' .. kind .. '" id="' .. label .. '">'))
  if is_table then blocks:extend(caption) end
  blocks:extend(is_table and parts.body or wrapped('<div class="plate" tabindex="0" role="group" aria-label="Figure">', parts.body, "</div>"))
  if not is_table then blocks:extend(caption) end
  blocks:insert(raw("</figure>"))
  blocks:extend(parts.code) -- a caption is the first or the last thing in a figure
  return blocks
end

local function callout(el, kind)
  local title = el.content:remove(1).content
  if typst then
    local blocks = wrapped('#callout("' .. kind .. '", title: [', title, "])[")
    blocks:extend(el.content)
    blocks:insert(raw("]"))
    return blocks
  end
  local fold = el.attributes.collapse
  local outer, inner = "div", 'p class="callout-title"'
  if fold then outer, inner = "details", "summary" end
  local blocks = wrapped(string.format('<%s class="callout %s"%s><%s>', outer, kind,
    fold == "false" and " open" or "", inner), title, "</" .. inner:match("^%a+") .. ">")
  blocks:extend(el.content)
  blocks:insert(raw("</" .. outer .. ">"))
  return blocks
end

local function div(el)
  local class = el.classes[1] or ""
  if class == "numbered" then return numbered(el) end
  if class == "cell-code" then return code(el) end
  -- Nobody hovers over paper, and a page of paper has its abstract.
  if typst and (class == "told" or class == "lead") then return el.content end
  if class == "column-margin" then return wrapped('<div class="margin-note" role="note">', el.content, "</div>") end
  if class:match("^callout%-") and class ~= "callout-title" then
    return callout(el, class:match("%-(%a+)$"))
  end
  if typst and class == "csl-entry" then
    return wrapped("#reference[", el.content, "] <" .. el.identifier .. ">")
  elseif typst and el.identifier == "refs" then
    return el.content
  end
end

local function span(el)
  if typst and el.classes[1] == "header-section-number" then
    el.content:insert(pandoc.RawInline("typst", "#h(0.4em)"))
    return el.content
  end
  if el.classes[1] ~= "equation" then return nil end
  local number = "(" .. el.attributes.number .. ")"
  if typst then
    local alt = el.attributes.alt and "alt: " .. escape(el.attributes.alt) .. ", " or ""
    local out = pandoc.Inlines({ pandoc.RawInline("typst", "#numbered-equation(" .. alt .. '"' .. number .. '", [') })
    out:extend(el.content)
    out:insert(pandoc.RawInline("typst", "<" .. el.identifier .. ">])"))
    return out
  end
  local body = pandoc.Span(el.content, pandoc.Attr("", { "equation-body" }, { tabindex = "0" }))
  -- The number is the link to copy.
  local tag = pandoc.Link({ pandoc.Str(number) }, "#" .. el.identifier, "", pandoc.Attr("", { "equation-number" }))
  return pandoc.Span({ body, tag }, pandoc.Attr(el.identifier, { "equation" }))
end

local mark_cells = dofile(pandoc.path.join({ pandoc.path.directory(PANDOC_SCRIPT_FILE), "cells.lua" }))

local function scrolling(el)
  -- Pandoc turns a long line of a pipe table into relative widths; the contents know better.
  for _, column in ipairs(el.colspecs) do column[2] = nil end
  if typst then return el end
  mark_cells(el)
  return wrapped('<div class="scroll" tabindex="0" role="group" aria-label="Table">', { el }, "</div>")
end

local function link(el)
  local page, anchor = el.target:match("^([^:]*)%.qmd(#?.*)$")
  if page then el.target = page .. ".html" .. anchor end
  -- On paper the figure is where its caption is; in HTML the link is there to be copied.
  if typst and el.classes[1] == "caption-lead" then return pandoc.Strong(el.content) end
  return el
end

-- For Typst a formula stands between marks, by which `pandoc.py` finds it to mend it.
local function formula(el)
  if not typst then return nil end
  return { pandoc.RawInline("typst", "\u{e010}"), el, pandoc.RawInline("typst", "\u{e011}") }
end

-- What Typst reads as markup and pandoc leaves as it is: a list, a heading or a term at the start of
-- a table's cell, a minus, a soft hyphen, an ellipsis.
local function word(el)
  local text = el.text
  if not typst or not (text:match("^[-=+/]") or text:match("-%?") or text:match("%.%.")) then return nil end
  local out, at = pandoc.Inlines({}), 1
  while at <= #text do
    local marks = text:match("^%.%.+", at) or text:match("^-%f[?]", at) or at == 1 and text:match("^[-=+/]+")
    if marks then
      out:insert(pandoc.RawInline("typst", (marks:gsub(".", "\\%0"))))
      at = at + #marks
    else
      local stop = text:find("%.%.", at + 1) or #text + 1
      stop = math.min(stop, text:find("-%?", at + 1) or stop)
      out:insert(pandoc.Str(text:sub(at, stop - 1)))
      at = stop
    end
  end
  return out
end

local function header(el)
  if not typst then return nil end
  el.level = math.max(el.level - 1, 1)
  return el
end

local function code_block(el)
  if typst and el.classes[1] == "cell-stderr" then return {} end
end

-- The blocks below a heading "Abstract", up to the next heading, are set as one.
local function abstract(blocks)
  local out, inside = pandoc.Blocks({}), false
  for _, block in ipairs(blocks) do
    if block.t == "Header" then
      if inside then out:insert(raw("]")) end
      inside = block.identifier == "abstract"
      if inside then block = raw("#abstract[") end
    end
    out:insert(block)
  end
  if inside then out:insert(raw("]")) end
  return out
end

-- Links to a place on this page that is not there. Typst would tell of the first without its line.
local function dead_anchors(doc)
  local places, links = { [""] = not typst, top = not typst }, {}
  local function place(el)
    if el.identifier ~= "" then places[el.identifier] = true end
  end
  local function written(el)
    for name in el.text:gmatch(typst and "<([%w_.-]+)>" or "id=[\"']?([^\"'%s>]+)") do places[name] = true end
  end
  doc:walk({
    Header = place, Div = place, Span = place, CodeBlock = place, Code = place, Figure = place,
    Table = place, Image = place, RawBlock = written, RawInline = written,
    Link = function(el)
      place(el)
      local name = el.target:match("^#(.*)$")
      if name then links[#links + 1] = name end
    end,
  })
  for _, name in ipairs(links) do
    if not places[name] then
      io.stderr:write("@@(#" .. name .. ")@@nothing on this page has the id '" .. name .. "'\n")
    end
  end
end

function Pandoc(doc)
  if doc.meta.ran then dead_anchors(doc) end -- before, what cells give is not known
  folder = doc.meta.folder and pandoc.utils.stringify(doc.meta.folder) or ""
  if typst then doc.blocks = abstract(doc.blocks) end
  return doc:walk({ Table = scrolling, CodeBlock = code_block, Header = header, Link = link, Image = image,
    Math = formula, Span = span, Str = word })
    :walk({ traverse = "topdown", Div = div })
end
