-- For either renderer: short cells of a table (numbers, names) are marked, and by the style sheets stay
-- on one line, so that the long ones give way first.
return function(el)
  for _, body in ipairs(el.bodies) do
    for _, row in ipairs(body.body) do
      for _, cell in ipairs(row.cells) do
        local long = utf8.len(pandoc.utils.stringify(cell.contents)) > 20
        cell.attr.classes:insert(long and "long" or "short")
      end
    end
  end
end
