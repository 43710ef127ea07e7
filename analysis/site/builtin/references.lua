-- What a page cites, as the tags that search engines of scholarship read (citation_reference); for
-- a page with google-scholar. Runs when only citations are left of what begins with an @.

local function escape(text)
  return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function date(issued)
  local parts = issued and issued["date-parts"]
  return parts and parts[1] and table.concat(parts[1], "/")
end

local function name(person)
  local said = pandoc.List({})
  for _, part in ipairs({ "literal", "given", "non-dropping-particle", "family", "suffix" }) do
    if person[part] then said:insert(pandoc.utils.stringify(person[part])) end
  end
  return table.concat(said, " ")
end

local function tag(reference)
  local said = pandoc.List({})
  local function say(key, value)
    local text = value and pandoc.utils.stringify(value) or ""
    if text ~= "" then said:insert("citation_" .. key .. "=" .. text:gsub(";", ",")) end
  end
  say("title", reference.title)
  for _, person in ipairs(reference.author or {}) do say("author", name(person)) end
  say("publication_date", date(reference.issued))
  say(reference.type == "paper-conference" and "conference_title" or "journal_title", reference["container-title"])
  say("volume", reference.volume)
  say("issue", reference.issue)
  say("doi", reference.doi)
  say("fulltext_html_url", reference.url)
  return '<meta name="citation_reference" content="' .. escape(table.concat(said, ";")) .. '">'
end

function Pandoc(doc)
  if doc.meta.scholar ~= true or not FORMAT:match("^html") then return nil end
  local tags = pandoc.List({})
  for _, reference in ipairs(pandoc.utils.references(doc)) do tags:insert(tag(reference)) end
  doc.meta.cited = pandoc.MetaBlocks({ pandoc.RawBlock("html", table.concat(tags, "\n")) })
  return doc
end
