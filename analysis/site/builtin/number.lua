-- Gives every heading, figure, table and equation its number, and every reference its text.
-- All numbers are made here, for HTML and PDF alike: neither a style sheet nor Typst counts.
-- Afterwards each figure and table is a Div with its label, an attribute "number", and its caption
-- in an inner Div of class "caption"; each equation is a Span of class "equation".

local kinds = { fig = "Figure", tbl = "Table", eq = "Equation", sec = "Section" }
local foreign = {}
for kind in ("lst thm lem cor prp cnj def exm exr sol rem alg tip nte wrn imp cau apx"):gmatch("%a+") do
  foreign[kind] = true
end
local counts = { fig = 0, tbl = 0, eq = 0 }
local sections, unnumbered_level = {}, nil
local numbers = {}
local number_sections = false
local cited, placed = false, false -- anything in the bibliography; the place for it

local function complain(token, message)
  io.stderr:write("@@" .. token .. "@@" .. message:gsub("%s+", " ") .. "\n")
end

local function register(label, number)
  if numbers[label] then complain("#" .. label, "the label '" .. label .. "' is taken") end
  if label:match("[^%w-]") or label:match("%u") then
    complain("#" .. label, "a label is of lower-case letters, digits and hyphens: '" .. label .. "'")
  end
  numbers[label] = number
end

local function count(label)
  local kind = label:match("^(%a+)%-")
  counts[kind] = counts[kind] + 1
  register(label, tostring(counts[kind]))
  return tostring(counts[kind])
end

local function header(el)
  local level = el.level - 1
  local kind = el.identifier:match("^(%a+)%-")
  local line = string.rep("#", el.level) .. " " .. pandoc.utils.stringify(el.content)
  if kind and kinds[kind] and kind ~= "sec" then
    complain("#" .. el.identifier, "a heading's label begins with sec-")
  end
  if el.classes:includes("unnumbered") or not number_sections then
    unnumbered_level = number_sections and level or nil
    if kind == "sec" then register(el.identifier, false) end
    return nil
  end
  if unnumbered_level and level > unnumbered_level then
    complain(line, "a numbered heading below an unnumbered one: make it {.unnumbered} too")
  end
  unnumbered_level = nil
  if level > #sections + 1 then
    complain(line, "this heading skips a level")
  end
  for deeper = level + 1, #sections do sections[deeper] = nil end
  sections[level] = (sections[level] or 0) + 1
  for above = 1, level do sections[above] = sections[above] or 0 end
  local number = table.concat(sections, ".")
  if kind == "sec" then register(el.identifier, number) end
  el.content:insert(1, pandoc.Space())
  el.content:insert(1, pandoc.Span({ pandoc.Str(number) }, pandoc.Attr("", { "header-section-number" })))
  return el
end

-- The Div that both renderers of the output know.
local function numbered(label, content, caption)
  local number = count(label)
  local name = kinds[label:match("^%a+")]
  local lead = pandoc.Link(
    { pandoc.Str(name .. "\u{a0}" .. number .. ":") }, "#" .. label, "", pandoc.Attr("", { "caption-lead" }))
  local inlines = pandoc.Inlines({ lead, pandoc.Space() })
  inlines:extend(caption)
  content:insert(pandoc.Div({ pandoc.Plain(inlines) }, pandoc.Attr("", { "caption" })))
  return pandoc.Div(content, pandoc.Attr(label, { "numbered" }, { number = number }))
end

local function is_image(block)
  return (block.t == "Para" or block.t == "Plain") and #block.content == 1 and block.content[1].t == "Image"
end

local function div(el)
  local label = el.identifier
  placed = placed or label == "refs"
  if not label:match("^fig%-") and not label:match("^tbl%-") then return nil end
  local content = el.content
  local last = content[#content]
  if not last or (last.t ~= "Para" and last.t ~= "Plain") or is_image(last) then
    complain("#" .. label, "'" .. label .. "' has no caption: its last paragraph")
    return numbered(label, content, pandoc.Inlines({})), false
  end
  content:remove(#content)
  local wanted, found = label:match("^fig") and "Image" or "Table", false
  content:walk({ [wanted] = function() found = true end })
  if not found then
    complain("#" .. label, "'" .. label .. "' holds no " .. wanted:lower() .. " before its caption")
  end
  content:walk({ Figure = function(inner)
    complain("#" .. label, "write the image of '" .. label .. "' without a caption of its own: ![](…)")
  end, Table = function(inner)
    if #inner.caption.long > 0 then
      complain("#" .. label, "the table of '" .. label .. "' has a second caption of its own")
    end
  end })
  return numbered(label, content, last.content), false
end

local function figure(el)
  if el.identifier == "" then
    complain(pandoc.utils.stringify(el.caption.long), "a figure with a caption needs a label {#fig-…}")
    return nil
  end
  return numbered(el.identifier, el.content, pandoc.utils.blocks_to_inlines(el.caption.long)), false
end

local function tabular(el)
  local label = el.identifier
  if label == "" then
    if #el.caption.long > 0 then
      complain(pandoc.utils.stringify(el.caption.long), "a table with a caption needs a label {#tbl-…}")
    end
    return nil
  end
  if not label:match("^tbl%-") then complain("#" .. label, "a table's label begins with tbl-") end
  local caption = pandoc.utils.blocks_to_inlines(el.caption.long)
  el.identifier, el.caption = "", pandoc.Caption()
  return numbered(label, pandoc.Blocks({ el }), caption), false
end

-- What is read aloud where a formula can't be seen: its TeX, without what only moves things about.
local function spoken(tex)
  local text = tex:gsub("\\[,;:!]", " "):gsub("\\left%f[%A]", ""):gsub("\\right%f[%A]", "")
  return (text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

-- In a PDF the alternative text goes with the formula; HTML has MathML, which is read as it is.
local function with_alternative(math)
  if not FORMAT:match("^typst") or math.mathtype ~= "InlineMath" then return nil end
  local alt = spoken(math.text):gsub('[\\"]', "\\%0")
  return { pandoc.RawInline("typst", '#formula("' .. alt .. '", ['), math, pandoc.RawInline("typst", "]);") }
end

-- "$$ … $$ {#eq-x alt="…"}" reaches us as maths, a space and loose words.
local function equations(el)
  local inlines, some = el.content, false
  for _, one in ipairs(inlines) do
    some = some or one.t == "Math" and one.mathtype == "DisplayMath" or one.t == "Str" and one.text:match("^{#")
  end
  if not some then return nil end -- which is most, and putting all back as they are takes long
  local out, at = pandoc.Inlines({}), 1
  while at <= #inlines do
    local math = inlines[at]
    if math.t ~= "Math" or math.mathtype ~= "DisplayMath" then
      if math.t == "Str" and math.text:match("^{#") then
        complain(math.text, "this label belongs to nothing: it follows its equation after one space")
      end
      out:insert(math)
      at = at + 1
    else
      local space, first = inlines[at + 1], inlines[at + 2]
      local label = space and space.t == "Space" and first and first.t == "Str"
        and first.text:match("^{#(eq%-[^}]+)")
      if not label then
        complain(math.text:match("[^\n]*[^\n%s][^\n]*") or "$$", "a displayed equation needs a label: $$ … $$ {#eq-…}")
        out:insert(math)
        at = at + 1
      else
        local stop, alt = at + 2, nil
        while stop < #inlines and not pandoc.utils.stringify(inlines[stop]):match("}$") do
          stop = stop + 1
          if inlines[stop].t == "Quoted" then alt = pandoc.utils.stringify(inlines[stop].content) end
        end
        local attributes = { number = count(label), alt = alt or spoken(math.text) }
        out:insert(pandoc.Span({ math }, pandoc.Attr(label, { "equation" }, attributes)))
        at = stop + 1
      end
    end
  end
  el.content = out
  return el
end

-- The wording is Quarto's: the kind and the number with a no-break space, a comma between.
local function reference(cite)
  local out, others = pandoc.Inlines({}), 0
  for _, citation in ipairs(cite.citations) do
    local label = citation.id:sub(1, 1):lower() .. citation.id:sub(2)
    local kind = label:match("^(%a+)%-")
    if kind and kinds[kind] then
      local number = numbers[label]
      if number == nil then
        complain("@" .. citation.id, "nothing on this page has the label '" .. label .. "'")
      elseif number == false then
        complain("@" .. citation.id, "'" .. label .. "' has no number to refer to")
      end
      if #citation.suffix > 0 then
        complain("@" .. citation.id, "words after a reference are lost: write them outside the brackets")
      end
      if #out > 0 then out:extend({ pandoc.Str(","), pandoc.Space() }) end
      local text = pandoc.Inlines({})
      if #citation.prefix > 0 then
        text:extend(citation.prefix)
        text:insert(pandoc.Str("\u{a0}"))
      elseif citation.mode ~= "SuppressAuthor" then
        text:insert(pandoc.Str(kinds[kind] .. "\u{a0}"))
      end
      text:insert(pandoc.Str(number or "?"))
      out:insert(pandoc.Link(text, "#" .. label, "", pandoc.Attr("", { "quarto-xref" })))
    else
      if kind and foreign[kind] then
        complain("@" .. citation.id, "references of the kind '" .. kind .. "' aren't supported: fig, tbl, eq, sec")
      end
      others = others + 1
    end
  end
  if others > 0 and #out > 0 then
    complain("@" .. cite.citations[1].id, "a bracket holds references or citations, not both")
  end
  if others > 0 then cited = true end
  return #out > 0 and out or nil
end

function Pandoc(doc)
  number_sections = doc.meta["number-sections"] == true
  doc = doc:walk({
    traverse = "topdown", Header = header, Div = div, Figure = figure, Table = tabular,
  })
  doc = doc:walk({ traverse = "topdown", Para = equations, Plain = equations })
  doc = doc:walk({ Cite = reference, Math = with_alternative })
  if cited and not placed then
    doc.blocks:insert(pandoc.Header(2, "References", pandoc.Attr("references", { "unnumbered" })))
    doc.blocks:insert(pandoc.Div({}, pandoc.Attr("refs")))
  end
  return doc
end
