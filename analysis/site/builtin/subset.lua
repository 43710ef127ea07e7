-- Refuses what lies outside the written subset, and decides conditional content.
-- A complaint is a line "@@token@@message": Python finds the token's line in the page.

local formats = {}

local function complain(token, message)
  io.stderr:write("@@" .. token .. "@@" .. message:gsub("%s+", " ") .. "\n")
end

local function set(names)
  local found = {}
  for name in names:gmatch("%S+") do found[name] = true end
  return found
end

local callouts = set("callout-note callout-tip callout-warning callout-important callout-caution")
local conditions = set("content-visible content-hidden")
local known_attributes = {
  callout = set("title collapse"),
  condition = set("when-format unless-format"),
  ["cell-code"] = set("formats fold summary"),
  ["cell-html"] = set("at"),
  told = set("title"),
}
local span_classes = set("smallcaps underline mark value told")
local schemes = set("http https mailto")
local generated_code = set("cell-output cell-stderr")

-- Footnotes that are referred to and defined nowhere, as Python found them in the source: what only
-- looks like one, in code or in a result, is none.
local undefined = {}

local function known(el, what, names)
  for key in pairs(el.attributes) do
    if not set(names)[key] then complain(key .. "=", "unknown attribute '" .. key .. "' of " .. what) end
  end
end

-- An address a page may lead to: on the web, of a mailbox, or relative.
local function reachable(address)
  local scheme = address:match("^(%a[%w+.-]*):")
  return (not scheme or schemes[scheme:lower()]) and not address:match("^//")
end

local function heading(el)
  return string.rep("#", el.level) .. " " .. pandoc.utils.stringify(el.content)
end

local function has_mark(text) return text:find("\u{e000}", 1, true) ~= nil end

local function is_comment(raw) return raw.format == "html" and raw.text:match("^%s*<!%-%-") end

local function raw_html(raw, token)
  if is_comment(raw) then return {} end
  if raw.format ~= "html" and raw.format ~= "typst" then
    complain(token, "raw '" .. raw.format .. "' isn't html or typst")
  elseif formats.typst and raw.format == "html" then
    complain(token, 'raw HTML is lost in the PDF: put it in ::: {.content-visible when-format="html"}'
      .. ' with an alternative for "typst"')
  elseif formats.typst then
    complain(token, 'raw Typst is lost in HTML: put it in ::: {.content-visible when-format="typst"}')
  end
end

-- Which conditional content stays. Numbers must not depend on the format, so nothing that is
-- counted may stand in it.
local function conditional(div)
  local class = div.classes[1]
  if not conditions[class] then return nil end
  for key in pairs(div.attributes) do
    if not known_attributes.condition[key] then
      complain(key .. "=", "unknown attribute '" .. key .. "'; known: when-format, unless-format")
    end
  end
  local when = div.attributes["when-format"] or div.attributes["unless-format"]
  if when ~= "html" and when ~= "typst" then
    local hint = when == "pdf" and " ('pdf' is LaTeX to Quarto: write typst)" or ""
    complain(class, "conditional content names html or typst" .. hint)
    return {}
  end
  div:walk({
    Header = function(el) complain(heading(el), "a heading in conditional content changes the numbers") end,
    Div = function(el)
      if el.identifier ~= "" then
        complain("#" .. el.identifier, "a label in conditional content changes the numbers")
      end
    end,
  })
  local matches = FORMAT:match("^" .. when) ~= nil
  if div.attributes["unless-format"] then matches = not matches end
  if class == "content-hidden" then matches = not matches end
  if not matches then return {} end
  local keep = pandoc.Attr("", { "raw-kept" })
  return div:walk({
    RawBlock = function(raw) return pandoc.Div({ raw }, keep) end,
    RawInline = function(raw) return pandoc.Span({ raw }, keep) end,
    Div = function(el)
      if el.classes[1] == "cell-html" then return el.content end
      if el.classes[1] == "column-margin" and when == "html" then
        el.attributes["for-html"] = "true"
        return el
      end
    end,
  }).content
end

local function check_div(div)
  local class = div.classes[1] or ""
  if class == "raw-kept" then return div, false end
  local id, kind = div.identifier, "plain"
  local token = class ~= "" and class or (id ~= "" and id or ":::")
  if callouts[class] then
    kind = "callout"
  elseif class == "cell-code" or class == "cell-html" or class == "told" or class == "lead" then
    kind = class
  elseif class == "column-margin" then
    kind = "margin"
    if formats.typst and not div.attributes["for-html"] then
      complain(class, 'a page of paper has no room for notes beside the text: put this in '
        .. '::: {.content-visible when-format="html"}')
    end
    div.attributes["for-html"] = nil
  elseif class ~= "" then
    complain(token, "unknown div class '" .. class .. "'; known: callout-note, callout-tip, "
      .. "callout-warning, callout-important, callout-caution, content-visible, content-hidden, column-margin, lead, told")
    return div, false
  end
  if #div.classes > 1 then complain(div.classes[2], "a div has one class") end
  if id ~= "" and not (kind == "plain" and (id == "refs" or id:match("^fig%-") or id:match("^tbl%-"))) then
    complain("#" .. id, "unknown div label '" .. id .. "'; known: fig-…, tbl-…, refs")
  end
  if kind == "plain" and id == "" then
    complain(":::", "a div has a label (#fig-…, #tbl-…, #refs) or a class")
  end
  for key, value in pairs(div.attributes) do
    if not (known_attributes[kind] or {})[key] then
      complain(key .. "=", "unknown attribute '" .. key .. "' of '" .. token .. "'")
    elseif has_mark(value) then
      complain(key .. "=", "inline code isn't run in an attribute")
    end
  end
  if kind == "cell-html" and formats.typst then
    complain("at:" .. div.attributes.at, "this cell gives HTML, which is lost in the PDF: put it in "
      .. '::: {.content-visible when-format="html"} with an alternative for "typst"')
  end
  return kind == "cell-html" and div.content or div, kind ~= "cell-html"
end

local function check_image(image)
  local alt = image.attributes["fig-alt"] or pandoc.utils.stringify(image.caption)
  if alt == "" then complain(image.src, "this image has no alternative text: {fig-alt=\"…\"}") end
  for key, value in pairs(image.attributes) do
    if not set("fig-alt width height")[key] then
      complain(image.src, "unknown attribute '" .. key .. "' of an image; known: fig-alt, width, height")
    elseif has_mark(value) then
      complain(image.src, "inline code isn't run in an attribute")
    end
  end
  if image.src ~= "about:stub" and (image.src:match("^%a[%w+.-]*:") or image.src:match("^//")) then complain(image.src, "an image is a file of this project") end
end

local checks = {
  traverse = "topdown",
  Div = check_div,
  Header = function(el)
    known(el, "a heading", "")
    if el.level == 1 then complain(heading(el), "'#' is the title's: begin at '##'") end
    for _, class in ipairs(el.classes) do
      if class ~= "unnumbered" and class ~= "unlisted" then
        complain(class, "unknown heading class '" .. class .. "'; known: unnumbered, unlisted")
      end
    end
  end,
  Span = function(el)
    if el.classes[1] == "raw-kept" then return el, false end
    known(el, "a span", "title")
    for _, class in ipairs(el.classes) do
      if not span_classes[class] then
        complain(class, "unknown span class '" .. class .. "'; known: smallcaps, underline, mark, value, told")
      end
    end
  end,
  CodeBlock = function(el)
    for key in pairs(el.attributes) do complain(key .. "=", "unknown attribute of a code block: " .. key) end
    if #el.classes > 1 then complain(el.classes[2], "a code block has one class, its language") end
    if has_mark(el.text) then complain("{python}", "inline code isn't run in an indented code block") end
  end,
  Figure = function(el)
    local image = el.content[1] and el.content[1].content and el.content[1].content[1]
    if el.identifier:match("^fig%-") and image and not image.attributes["fig-alt"] then
      complain(el.identifier, "the figure '" .. el.identifier .. "' has no alternative text: fig-alt=\"…\"")
    elseif el.identifier ~= "" and not el.identifier:match("^fig%-") then
      complain("#" .. el.identifier, "a figure's label begins with fig-")
    end
  end,
  Image = check_image,
  Math = function(el)
    if has_mark(el.text) then
      complain("{python}", "inline code isn't run in maths: return Markdown('$…$') instead")
    end
  end,
  Code = function(el) known(el, "code", "") end,
  Link = function(el)
    known(el, "a link", "")
    if not reachable(el.target) then
      complain(el.target, "a link leads to http, https, mailto or a file of the site, not to '" .. el.target .. "'")
    end
    if has_mark(el.target) then complain("{python}", "inline code isn't run in the target of a link") end
  end,
  Str = function(el)
    for name in el.text:gmatch("%[%^([^%]]+)%]") do
      if undefined[name] then
        complain("[^" .. name .. "]", "the footnote [^" .. name .. "] is defined nowhere: [^" .. name .. "]: …")
      end
    end
  end,
  RawBlock = function(raw) return raw_html(raw, raw.text:match("[^\n]*")) end,
  RawInline = function(raw) return raw_html(raw, raw.text) end,
}

-- The first heading in a callout is its title, not a section.
local function callout_title(el)
  local title = pandoc.Inlines({ pandoc.Str(el.classes[1]:match("%-(%a+)"):gsub("^%l", string.upper)) })
  if el.content[1] and el.content[1].t == "Header" then
    title = el.content:remove(1).content
  elseif el.attributes.title then
    title = pandoc.utils.blocks_to_inlines(pandoc.read(el.attributes.title, "markdown").blocks)
  end
  el:walk({ Header = function(inner)
    complain(heading(inner), "a heading within a callout changes the numbers")
  end })
  el.content:insert(1, pandoc.Div({ pandoc.Plain(title) }, pandoc.Attr("", { "callout-title" })))
  return el
end

local unwrap = {
  Div = function(el)
    if el.classes[1] == "raw-kept" then return el.content end
    if callouts[el.classes[1]] then return callout_title(el) end
  end,
  Span = function(el) if el.classes[1] == "raw-kept" then return el.content end end,
}

function Pandoc(doc)
  for _, name in ipairs(doc.meta.formats) do formats[pandoc.utils.stringify(name)] = true end
  for _, name in ipairs(doc.meta.undefined) do undefined[pandoc.utils.stringify(name)] = true end
  return doc:walk({ Div = conditional }):walk(checks):walk(unwrap)
end
