# Rscript shiny_app.R: earthquakes as they are known now, or as they were known, from a running `vigie serve`.
library(shiny)
api <- "http://127.0.0.1:8470/api/v1/events?format=csv&source=usgs-earthquakes"
ui <- fluidPage(sliderInput("hours", "Known so many hours ago", 0, 72, 0), tableOutput("events"), textOutput("credit"))
server <- function(input, output) {
  known <- reactive(format(Sys.time() - 3600 * input$hours, "%Y-%m-%dT%H:%M:%SZ", tz = "UTC"))
  events <- reactive(read.csv(paste0(api, "&known_at=", known())))
  output$events <- renderTable(events()[c("observed_at", "title", "revision", "versions")])
  output$credit <- renderText(events()$attribution[1])
}
runApp(shinyApp(ui, server))
